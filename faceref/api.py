"""The Python API of `faceref`: what the commands do, as functions. `import faceref` gives them.

A set is given as a `FaceRef` or as the path of its folder; options have the names and the defaults
of the commands. What a function needs is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from faceref.console import need_choice, progress_bar
from faceref.dataset.face_ref import FaceRef

if TYPE_CHECKING:
    from faceref.dataset.archive import ArchiveInfo
    from faceref.dataset.torch_dataset import FaceRefDataset
    from faceref.doctor.report import Report
    from faceref.embed.base import Embedder
    from faceref.release.hydrate import Hydrated
    from faceref.release.make import Release
    from faceref.release.remove import Removed
    from faceref.release.upload import Published
    from faceref.sources.base import SourceKind
    from faceref.sources.inventory import Inventory
    from faceref.synthetic.generate import GenerateReport


def build(
    path: str | Path | None = None,
    *,
    out: str | Path,
    source: str = "folder",
    embedder: str = "insightface",
    pack: str | Path | None = None,
    det_size: int = 320,
    references: int = 8,
    max_similarity: float | None = None,
    diversity: int = 1,
    likeness_hr: str = "identity",
    likeness_lr: str = "appearance",
    refs_same: bool = False,
    index: str = "auto",
    min_eye_distance: float = 12.0,
    min_inside: float = 0.6,
    min_sharpness: float | None = None,
    max_yaw: float | None = None,
    min_score: float | None = None,
    val: float = 0.05,
    test: float = 0.10,
    seed: int = 0,
    device: str = "cpu",
    workers: int = 0,
    executor: str = "local",
    ray_address: str | None = None,
    calibration_plot: str | Path | None = None,
    overwrite: bool = False,
    partial: bool = False,
    checksums: bool = True,
    images: str | None = None,
    landmarks: str | Path | None = None,
    config: str | None = None,
    hf_split: str | None = None,
    revision: str | None = None,
    image_column: str | None = None,
    identity_column: str | None = None,
    progress: bool = True,
) -> FaceRef:
    """Detect, align, embed, split by person, mine references, and write a Face_Ref.

    An interrupted build goes on where it stopped when it is called again. Equal inputs give equal
    bytes.

    Args:
        path: Folder, archive or (`hf`) name of a data set; None for the embedded sample.
        out: Folder to make.
        source: A name that `list_sources` gives.
        embedder: `insightface` or `dlib`.
        pack: insightface model pack, a folder or a name to fetch; None is `buffalo_l`.
        det_size: Side of the detector's input in pixels.
        references: References for each face.
        max_similarity: Cosine above which a neighbour is dropped as probably the same person; None
            calibrates it on the labels.
        diversity: References are chosen far apart among that many times `references`; 1 takes the
            best.
        likeness_hr: What `refs_hr` are similar in: `identity`, `appearance` or `both`.
        likeness_lr: The same of `refs_lr`.
        refs_same: Also write `refs_same.parquet`, an oracle of same-person references.
        index: `exact`, `ivf`, or `auto`, which is by size.
        min_eye_distance: Pixels between the eyes below which an image is rejected.
        min_inside: Fraction of the aligned face in the image below which it is rejected.
        min_sharpness: Log10 of the Laplacian's variance below which it is rejected.
        max_yaw: Degrees that the head may be turned.
        min_score: The detector's confidence below which it is rejected.
        val: Fraction of the images for validation.
        test: Fraction of the images for test.
        seed: Of the split and the calibration.
        device: `cpu` or `cuda`.
        workers: Threads, or Ray's processes; 0 is one a core.
        executor: `local`, or `ray` for processes or a cluster.
        ray_address: Of a running Ray cluster; None starts one here.
        calibration_plot: PNG to draw of the similarities and the thresholds.
        overwrite: Replace `out` where it exists.
        partial: Accept an incomplete copy of the source; it is recorded.
        checksums: Compare files with their published MD5.
        images: Which of the images of a source: `img_align_celeba`, `img_celeba`,
            `images1024x1024` or `thumbnails128x128`.
        landmarks: `lfw`: CSV of five points for each image; then no detector is run.
        config: `hf`: configuration of the data set.
        hf_split: `hf`: the one split to take; None takes all.
        revision: `hf`: branch, tag or commit.
        image_column: `hf`: column of the images.
        identity_column: `hf`: column of the person, or `none`.
        progress: Show a progress bar.

    Raises:
        FaceRefError: For a wrong value, and for a source that cannot make a set; `out` is then as
            it was.

    Example:
        >>> import faceref
        >>> faceref.build(source="sample", embedder="dlib", out="face_ref", progress=False)
        FaceRef('face_ref': 318 train, 24 val, 42 test)
    """
    from faceref.embed.registry import EmbedderSpec
    from faceref.files import refuse_existing
    from faceref.mining.mine import Mining
    from faceref.pipeline.build import build as run
    from faceref.pipeline.quality import QualityRule
    from faceref.pipeline.recipe import Recipe
    from faceref.pipeline.splits import SplitRule
    from faceref.similarity.search import IndexRule
    from faceref.sources.base import Choices
    from faceref.sources.registry import open_source

    need_choice("device", device, ("cpu", "cuda"))
    need_choice("executor", executor, ("local", "ray"))
    mining = Mining(
        references=references,
        max_similarity=max_similarity,
        diversity=diversity,
        likeness_hr=likeness_hr,
        likeness_lr=likeness_lr,
        same_person=refs_same,
        index=IndexRule(index, seed=seed),
    )
    quality = QualityRule(min_eye_distance, min_inside, min_sharpness, max_yaw, min_score)
    recipe = Recipe(mining, SplitRule(val, test, seed), quality)
    refuse_existing(Path(out), overwrite)
    choices = Choices(
        partial=partial,
        checksums=checksums,
        images=images,
        landmarks=_path(landmarks),
        config=config,
        split=hf_split,
        revision=revision,
        image_column=image_column,
        identity_column=identity_column,
    )
    opened = open_source(source, _path(path), choices)
    spec = EmbedderSpec(embedder, None if pack is None else str(pack), det_size, device)
    elsewhere = None
    if executor == "ray":
        from faceref.pipeline.ray_executor import RayExecutor

        spec = spec.located()
        elsewhere = RayExecutor(spec.open, recipe, ray_address, workers or None, device)
    ready = spec.open()
    with progress_bar("Building", "images", shown=progress) as update:
        run(
            opened,
            ready,
            Path(out),
            recipe,
            overwrite=overwrite,
            workers=workers or None,
            device=device,
            progress=update,
            executor=elsewhere,
            plot=_path(calibration_plot),
        )
    return FaceRef.open(out)


def open(path: FaceRef | str | Path) -> FaceRef:
    """Open a Face_Ref for reading.

    Args:
        path: Its folder.

    Raises:
        FaceRefError: Where it is no Face_Ref of this format.

    Example:
        >>> import faceref
        >>> faceref.open("face_ref")
        FaceRef('face_ref': 318 train, 24 val, 42 test)
    """
    return FaceRef.open(path)


def load(
    faces: FaceRef | str | Path,
    split: str = "train",
    *,
    references: int = 5,
    reference_list: str = "refs_lr",
    scale: int = 8,
) -> FaceRefDataset:
    """A split as a torch data set of LR faces, HR faces and references, for a DataLoader.

    Args:
        faces: A Face_Ref, or its folder.
        split: `train`, `val` or `test`.
        references: K references of each face, best first; where it has fewer they begin again.
        reference_list: `refs_lr`, found by the LR face, or `refs_hr`, by the HR face.
        scale: 4, 8 or 16: HR faces have 128 pixels a side, LR faces 128 / scale.

    Returns:
        Items are dicts of uint8 RGB tensors `lr` (3, 128 / scale, 128 / scale), `hr`
        (3, 128, 128) and `refs` (K, 3, 128, 128), with `image_id` and the list `ref_ids`.

    Raises:
        FaceRefError: For an unknown split, list or scale, and where a face has no reference.

    Example:
        >>> import faceref
        >>> item = faceref.load("face_ref", "test", references=3)[0]
        >>> tuple(item["lr"].shape), tuple(item["refs"].shape)
        ((3, 16, 16), (3, 3, 128, 128))
    """
    from faceref.dataset.torch_dataset import load as run

    return run(  # pyright: ignore[reportReturnType]
        FaceRef.open(faces).root,
        split,
        references=references,
        reference_list=reference_list,
        scale=scale,
    )


def certify(
    faces: FaceRef | str | Path,
    embedder: str | None = None,
    pack: str | Path | None = None,
) -> list[str]:
    """Compute every claim of a set again, on its files alone.

    Args:
        faces: A Face_Ref, or its folder.
        embedder: That of the build, `insightface` or `dlib`: identity scores are checked, too.
        pack: insightface pack of the build.

    Returns:
        One line for each claim that the files contradict; none for a set that holds what it says.

    Raises:
        FaceRefError: For another embedder than that of the build.

    Example:
        >>> import faceref
        >>> faceref.certify("face_ref")
        []
    """
    from faceref.audit.leaks import audit

    opened = FaceRef.open(faces)
    return list(audit(opened, _embedder(opened, embedder, pack)))


class Publication(NamedTuple):
    """What `publish` made."""

    release: Release
    """The folder, as it goes up."""
    published: Published | None
    """Where it went; None after a dry run."""

    def listing(self) -> Iterator[str]:
        """What goes up, a line a file with its size, and what is withheld or left behind."""
        from faceref.release.publish import listing

        return listing(self.release)


def publish(
    faces: FaceRef | str | Path,
    repo: str,
    *,
    full: bool = False,
    licence: str | None = None,
    licence_link: str | None = None,
    tag: str = "",
    contact: str = "",
    public: bool = False,
    out: str | Path | None = None,
    dry_run: bool = False,
) -> Publication:
    """Publish what the licence of the faces permits, on the Hugging Face Hub.

    An interrupted upload goes on when it is called again. Log in first: `hf auth login`.

    Args:
        faces: A Face_Ref, or its folder.
        repo: Data set on the Hub, `OWNER/NAME`.
        full: With the images; else the index, from which `hydrate` makes the set again.
        licence: Of the images, where the source has none.
        licence_link: Address of its text, where it is no usual one.
        tag: Version; empty is `v` and the version of the set.
        contact: Where people ask for removal; empty is the discussions of the repository.
        public: Everybody may find it; else it is private.
        out: Folder of what goes up; None is a folder beside the set, with `-release` appended.
        dry_run: Make the folder and upload nothing.

    Raises:
        FaceRefError: For what the licence forbids, before anything is written, and for a set or an
            upload that is not whole.

    Example:
        >>> import faceref
        >>> made = faceref.publish("face_ref", "ME/NAME", dry_run=True)
        >>> made.release.kind, made.release.version, made.published
        ('index', 'v1', None)
    """
    from faceref.release.format import FULL, INDEX
    from faceref.release.make import Wish
    from faceref.release.policy import stated
    from faceref.release.publish import publish as run

    terms = stated(licence, licence_link)
    wish = Wish(repo, FULL if full else INDEX, terms, tag, contact)
    root = FaceRef.open(faces).root
    return Publication(*run(root, wish, _path(out), public=public, dry_run=dry_run))


def hydrate(
    index: str | Path,
    *,
    out: str | Path,
    source: str | Path | None = None,
    source_kind: str | None = None,
    images: str | None = None,
    partial: bool = False,
    overwrite: bool = False,
    workers: int = 0,
    progress: bool = True,
) -> Hydrated:
    """Make the full Face_Ref from its published index and your own copy of the images.

    Args:
        index: Folder of the index.
        out: Folder to make; `faceref.open` opens it then.
        source: Your copy of the images, as `build` takes it; None for the embedded sample.
        source_kind: `celeba`, `ffhq`, `folder`, ...; None is what the index says.
        images: Which of the images of the source, as in `build`.
        partial: Leave out what is missing or altered; the manifest records it.
        overwrite: Replace `out` where it exists.
        workers: Threads; 0 is one a core.
        progress: Show a progress bar.

    Returns:
        What was compared and made: `comparison`, `files`, `differing` and `absent`.

    Raises:
        IncompleteError: With `found`, the missing and altered images, where there are some.
        FaceRefError: Where the source is another, or this machine aligns otherwise.

    Example:
        >>> import faceref
        >>> index = faceref.publish("face_ref", "ME/NAME", dry_run=True).release.root
        >>> faceref.hydrate(index, out="again", progress=False).comparison.whole
        True
    """
    from faceref.release.hydrate import hydrate as run
    from faceref.release.index import Index
    from faceref.sources.base import Choices
    from faceref.sources.registry import load_source, open_source

    kind = source_kind or Index.open(Path(index)).manifest["source"]
    takes = load_source(kind).takes
    # Every image is compared with the index, so a copy with holes is opened all the same.
    choices = Choices(partial="partial" in takes, checksums="checksums" not in takes, images=images)
    opened = open_source(kind, _path(source), choices)
    with progress_bar("Hydrating", "images", shown=progress) as update:
        return run(
            Path(index),
            opened,
            Path(out),
            partial=partial,
            overwrite=overwrite,
            workers=workers or None,
            progress=update,
        )


def verify(path: FaceRef | str | Path) -> list[str]:
    """Check in seconds that a set, or an index, is whole; `certify` checks its claims.

    Args:
        path: A Face_Ref, or the folder of one or of an index.

    Returns:
        One line for each way in which the files are not those of the manifest.

    Raises:
        FaceRefError: Where there is neither a set nor an index.

    Example:
        >>> import faceref
        >>> faceref.verify("face_ref")
        []
    """
    from faceref.release.verify import verify as run

    return list(run(path.root if isinstance(path, FaceRef) else Path(path)))


def remove(
    faces: FaceRef | str | Path,
    ids: Collection[str] | Path,
    embedder: str | None = None,
    pack: str | Path | None = None,
) -> Removed:
    """Take images out of a set, everywhere: rows, references, tables. The version goes up.

    A `FaceRef` that was opened before still has the old set: open it again.

    Args:
        faces: A Face_Ref, or its folder.
        ids: Image ids, or the path of a text file with one a line.
        embedder: That of the build: lists that named the images are mined again.
        pack: insightface pack of the build.

    Raises:
        FaceRefError: For an unknown id, for a release, and where a split would be left empty.

    Example:
        >>> import faceref
        >>> gone = faces.column("train", "image_id")[:2]
        >>> faceref.remove("face_ref", gone).manifest["version"]
        2
    """
    from faceref.release.remove import read_ids
    from faceref.release.remove import remove as run

    opened = FaceRef.open(faces)
    listed = read_ids(ids) if isinstance(ids, Path) else ids
    return run(opened.root, listed, _embedder(opened, embedder, pack))


def archive(
    faces: FaceRef | str | Path,
    out: str | Path,
    *,
    megabytes: float = 60.0,
    splits: Sequence[str] = ("train", "val"),
    progress: bool = True,
) -> ArchiveInfo:
    """Write a set to one small tar file, to train on another machine of your own.

    Args:
        faces: A Face_Ref, or its folder.
        out: File to write.
        megabytes: Its size at most, in 10^6 bytes; the faces are lossless where there is room.
        splits: What it holds.
        progress: Show a progress bar.

    Raises:
        FaceRefError: For an unknown split, and where even the lowest quality is too large.

    Example:
        >>> import faceref
        >>> faceref.archive("face_ref", "faces.tar", splits=["val"], progress=False).faces
        24
    """
    from faceref.dataset.archive import write_archive

    with progress_bar("Archiving", "faces", shown=progress) as update:
        return write_archive(faces, Path(out), megabytes=megabytes, splits=splits, progress=update)


def list_sources() -> list[SourceKind]:
    """The sources that faces can come from, with their `name`, `title` and `layout` on disk.

    Example:
        >>> import faceref
        >>> [kind.name for kind in faceref.list_sources()]
        ['celeba', 'ffhq', 'folder', 'hf', 'lfw', 'sample']
    """
    from faceref.sources.registry import load_source, source_names

    return [load_source(name) for name in source_names()]


def check_source(
    name: str, path: str | Path | None = None, *, images: str | None = None
) -> Inventory:
    """Count what of a source is there and what is missing, without opening an image.

    Args:
        name: A name that `list_sources` gives.
        path: Where the source lies; None for the embedded sample.
        images: Which of its images, as in `build`.

    Returns:
        The counts; `complete` is whether nothing is missing and `text()` the lines to read.

    Raises:
        FaceRefError: For an unknown source, and where nothing can be counted.

    Example:
        >>> import faceref
        >>> faceref.check_source("sample").complete
        True
    """
    from faceref.sources.base import Choices
    from faceref.sources.registry import check_source as run

    return run(name, _path(path), Choices(images=images))


def diagnose(
    device: str = "cpu",
    embedder: str = "insightface",
    pack: str | Path | None = None,
    out: str | Path = ".",
) -> Report:
    """Find what is installed, which device each stage of a build would use, and what is wrong.

    Args:
        device: `cpu` or `cuda`: what the build shall use.
        embedder: `insightface` or `dlib`.
        pack: insightface model pack, a folder or a name; None is `buffalo_l`.
        out: Where the set would be made.

    Returns:
        The findings; `faults` is empty where a build can run.

    Example:
        >>> import faceref
        >>> [stage.name for stage in faceref.diagnose(embedder="dlib").stages][1]
        'detect'
    """
    from faceref.doctor.report import Question, examine

    return examine(Question(device, embedder, None if pack is None else str(pack), Path(out)))


def synth(
    out: str | Path,
    *,
    identities: int = 64,
    per_identity: int = 6,
    seed: int = 2026,
    size: int = 128,
    workers: int = 0,
) -> GenerateReport:
    """Render people who do not exist as a folder to build from (needs the extra `synthetic`).

    Args:
        out: Folder to make or to complete.
        identities: People.
        per_identity: Images of each.
        seed: The same seed gives the same bytes.
        size: Pixels across.
        workers: Processes; 0 is one a core.

    Raises:
        FaceRefError: Where the extra is not installed.
    """
    from faceref.synthetic.generate import generate

    return generate(
        Path(out),
        identities=identities,
        per_identity=per_identity,
        seed=seed,
        size=size,
        workers=workers or None,
    )


def sample(out: str | Path) -> int:
    """Unpack the embedded sample as a folder of faces, to see or to build from.

    Args:
        out: Folder to make.

    Returns:
        The number of images.

    Example:
        >>> import faceref
        >>> faceref.sample("people")
        384
    """
    from faceref.sources.sample import write_sample_folder

    return write_sample_folder(Path(out))


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _embedder(faces: FaceRef, name: str | None, pack: str | Path | None) -> Embedder | None:
    """The embedder of a build, opened as its manifest says; None where none was named."""
    from faceref.embed.registry import DEFAULT_DET_SIZE, open_embedder

    if not (name or pack):
        return None
    det_size = faces.manifest["embedder"].get("det_size", DEFAULT_DET_SIZE)
    folder = None if pack is None else str(pack)
    return open_embedder(name or "insightface", pack=folder, det_size=det_size)
