"""Texts of the card of a release: what every reader must be told, and what differs by source."""

from __future__ import annotations

TITLES = {
    "celeba": "CelebA",
    "ffhq": "FFHQ",
    "lfw": "LFW",
    "folder": "a folder of faces",
    "hf": "a Hugging Face data set",
    "sample": "embedded sample",
}

BODY = """# Face_Ref from {title}

Release {version}: {kind}. {total:,} aligned faces of {size}x{size} pixels, each with {references}
look-alike references: faces of **other** people, all from the train split, in two lists, best
first:

- `refs_hr`: nearest by what mining can know, the HR face;
- `refs_lr`: nearest by what a deployed system can know, the 16x16 face.

| split | faces | people |
| --- | ---: | ---: |
{splits}

Columns: {columns}. {withheld}

{use}

## How it was made

Embedder: `{embedder}`. {origin}{bound} No person is in two splits, no reference shows the probe's
person or comes from val or test: `face_ref.json` holds the certificate, every threshold and the
hashes of the models. Made by {made_by}, seed {seed}, fingerprint `{fingerprint}`.

{rejects}

{quality}

![Scores of the references and the calibrated thresholds]({plot})

## Intended use

Research on face super-resolution with references of other people: training, evaluation, and the
study of which references help. What such a method adds to a face is hallucinated.

Not intended: to identify, verify or track anybody, to train or test systems that do, to infer
traits of people, or to draw conclusions about kinship from neighbour lists. A neighbour is what an
embedder finds alike, nothing more.

## Biometric data and consent

{consent}

Neighbour lists and scores come from face embeddings. Where the law takes such data for biometric
(in the European Union the GDPR, article 9, and the AI Act), whoever works with them needs a legal
basis of their own. Embedders err more often on some groups of people than on others, and so do the
lists; the set was not balanced.

## Removal

Whoever is shown here, holds the rights to a image, or represents somebody who does, can have it
removed. Write to {contact}, with the image id or a description of the image; no reason is needed,
and no proof beyond what tells the image. The image leaves rows, lists and pool with `faceref
remove`, lists are refilled, and a new version is published; `removals.json` keeps a hash of the id
and not the id. Whoever holds a copy is asked to take the new version and delete the old one.

## Terms

{terms}.{credits} Of the source: {said}.

## Citation

```bibtex
{citation}
```
"""

LOAD = """```python
from datasets import load_dataset

faces = load_dataset("{repo}", revision="{version}")
print(faces["test"][0]["refs_hr"])
```"""

HYDRATE = """The index holds no image. With your own copy of the source the set is made again from
it, every image checked by its hash:

```sh
hf download {repo} --repo-type dataset --revision {version} --local-dir index
faceref hydrate index --source PATH_OF_THE_SOURCE --out face_ref
```"""

GATE = """These data are about faces of real people, taken from {source}. By asking for access you
agree: to keep to the licence ({terms}); to hold the source lawfully where you rebuild images from
it; to use the data for research only; not to identify, verify or track anybody with them; not to
pass them on except under the same terms; and to delete what is removed from a later version."""

_ASKED = "The people shown were not asked for this use."
CONSENT = {
    "celeba": "The images show public figures and were gathered on the web by the authors of "
    f"CelebA. {_ASKED} No image, no name, no identity label and no embedding is published here.",
    "ffhq": "The images were published by their authors on Flickr under licences that permit "
    f"redistribution. {_ASKED} Whoever wants out of FFHQ can ask its authors, too: "
    "https://github.com/NVlabs/ffhq-dataset#privacy",
    "lfw": "The images are press photographs of public figures, gathered on the web by the "
    f"authors of LFW. {_ASKED} Labels are names of people.",
    "folder": "Whoever publishes this set states the licence of the images and answers for the "
    "consent of the people shown. Labels may be names of people.",
    "hf": "The images come from another data set; its card tells how they were gathered. "
    f"{_ASKED.replace('were not', 'may not have been')}",
    "sample": "Nobody: the people shown do not exist. They were rendered from seeded geometry.",
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
