"""What the sources are called, and what to cite where a set is made from one."""

from __future__ import annotations

TITLES = {
    "celeba": "CelebA",
    "ffhq": "FFHQ",
    "lfw": "LFW",
    "folder": "a folder of faces",
    "hf": "a Hugging Face data set",
    "sample": "embedded sample",
}

_OURS = """@misc{face-ref,
  title = {Face_Ref: look-alike reference faces of other people, for face super-resolution},
  note = {Made with the package face-ref}
}"""
_PAPERS = {
    "celeba": """@inproceedings{liu2015faceattributes,
  title = {Deep Learning Face Attributes in the Wild},
  author = {Liu, Ziwei and Luo, Ping and Wang, Xiaogang and Tang, Xiaoou},
  booktitle = {International Conference on Computer Vision (ICCV)},
  year = {2015}
}""",
    "ffhq": """@inproceedings{karras2019style,
  title = {A Style-Based Generator Architecture for Generative Adversarial Networks},
  author = {Karras, Tero and Laine, Samuli and Aila, Timo},
  booktitle = {Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2019}
}""",
    "lfw": """@techreport{huang2007labeled,
  title = {Labeled Faces in the Wild: A Database for Studying Face Recognition in Unconstrained
    Environments},
  author = {Huang, Gary B. and Ramesh, Manu and Berg, Tamara and Learned-Miller, Erik},
  institution = {University of Massachusetts, Amherst},
  number = {07-49},
  year = {2007}
}""",
}
CITATIONS = {source: "\n\n".join(filter(None, (_OURS, _PAPERS.get(source)))) for source in TITLES}
