import numpy as np
import torch

from faceref.lr_encoder.augmentation import vary


def test_variation_keeps_the_face_recognisable():
    torch.manual_seed(0)
    faces = torch.rand(60, 3, 4, 4).repeat_interleave(4, -1).repeat_interleave(4, -2)
    varied = vary(faces)
    assert varied.shape == faces.shape
    straight, mirrored = (
        np.array(
            [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(faces, side, strict=True)]
        )
        for side in (varied, varied.flip(-1))
    )
    assert np.maximum(straight, mirrored).min() > 0.8
    assert 15 < (mirrored > straight).sum() < 45


def test_no_two_variations_are_alike():
    torch.manual_seed(0)
    face = torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1)
    varied = vary(face).reshape(8, -1)
    assert (torch.cdist(varied, varied) + 9 * torch.eye(8)).min() > 0.1
