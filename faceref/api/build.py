"""Build a set, open it, load it for torch, check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from faceref.api.arguments import as_path, embedder_of, need_seed, need_whole, path_or_none
from faceref.console import need_choice, progress_bar
from faceref.dataset.face_ref import FaceRef

if TYPE_CHECKING:
    from faceref.dataset.torch_dataset import FaceRefDataset
    from faceref.sources.base import SourceKind
    from faceref.sources.inventory import Inventory


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
    same_person: float | None = None,
    diversity: int = 1,
    likeness_hr: str = "identity",
    likeness_lr: str = "appearance",
    refs_same: bool = False,
    search: str = "auto",
    min_eye_distance: float = 12.0,
    min_inside: float = 0.6,
    min_sharpness: float | None = None,
    max_yaw: float | None = None,
    min_score: float | None = None,
    val: float = 0.05,
    test: float = 0.10,
    seed: int = 0,
    device: str = "cpu",
    precision: str = "fp32",
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
        same_person: Cosine from which two images are taken for one person, whatever their labels;
            None estimates it. A lower one leaves fewer people in two splits, and takes more people
            for one.
        diversity: Choose references far apart among this many times `references` candidates; 1
            takes the most similar.
        likeness_hr: Similarity that ranks `refs_hr`: `identity`, `appearance` or `both`.
        likeness_lr: Similarity that ranks `refs_lr`: `identity`, `appearance` or `both`.
        refs_same: Also write `refs_same.parquet`: other images of the same person, as an oracle.
        search: Nearest-neighbour search: `exact`, `ivf` (for millions of faces), or `auto`, which
            chooses by size.
        min_eye_distance: Reject an image with fewer source pixels between the eyes.
        min_inside: Reject an image that holds less than this fraction of the aligned face.
        min_sharpness: Reject an image less sharp than this: log10 of the Laplacian's variance;
            None: off.
        max_yaw: Reject an image whose head is turned by more degrees to either side; None: off.
        min_score: Reject an image whose detector confidence is below this; None: off.
        val: Fraction of the images for validation.
        test: Fraction of the images for test.
        seed: Seed of the split and the calibration.
        device: `cpu` or `cuda`.
        precision: `fp32`, or `bf16` for the networks of insightface on a CPU. `bf16` is faster, but
            makes another set: its embeddings have a mean cosine of 0.999 to those of `fp32`.
        workers: Threads, or processes with dlib or Ray. 0 is one more than cores; with Ray, one per
            core, or one per GPU on `cuda`.
        executor: `local`, or `ray` for Ray's processes on this machine or a cluster.
        ray_address: Address of a running Ray cluster; None takes the variable `RAY_ADDRESS`, else
            starts Ray here.
        calibration_plot: PNG to draw: similarities of one and of two people, and the thresholds.
        overwrite: Replace `out` where it exists.
        partial: Accept an incomplete copy of the source; it is recorded.
        checksums: Compare files with their published MD5.
        images: `celeba`: `img_align_celeba`, `img_align_celeba_png` or `img_celeba`; `ffhq`:
            `images1024x1024` or `thumbnails128x128`.
        landmarks: `lfw`: CSV of five points for each image; then no detector is run.
        config: `hf`: configuration of the data set.
        hf_split: `hf`: the one split to take; None takes all.
        revision: `hf`: branch, tag or commit; the commit is recorded.
        image_column: `hf`: column of the images.
        identity_column: `hf`: column that says who is shown, or the word `none` for no labels.
        progress: Show a progress bar.

    Returns:
        The set, opened.

    Raises:
        FaceRefError: For a wrong value, and for a source that cannot make a set; `out` is then as
            it was.

    Example:
        >>> import faceref
        >>> faceref.build(source="sample", embedder="dlib", out="face_ref", progress=False)
        FaceRef('face_ref': 318 train, 24 val, 42 test)
    """
    from faceref.embed.registry import EmbedderSpec
    from faceref.mining.mine import Mining
    from faceref.pipeline.build import build as run
    from faceref.pipeline.build import check_outputs
    from faceref.pipeline.quality import QualityRule
    from faceref.pipeline.recipe import Recipe
    from faceref.pipeline.splits import SplitRule
    from faceref.similarity.search import SearchRule
    from faceref.sources.base import Choices
    from faceref.sources.registry import open_source

    need_choice("device", device, ("cpu", "cuda"))
    need_choice("executor", executor, ("local", "ray"))
    seed, workers = need_seed(seed), need_whole("--workers", workers, 0)
    det_size = need_whole("--det-size", det_size, 1)
    mining = Mining(
        references=need_whole("--references", references, 1),
        max_similarity=max_similarity,
        diversity=need_whole("--diversity", diversity, 1),
        likeness_hr=likeness_hr,
        likeness_lr=likeness_lr,
        same_person=refs_same,
        index=SearchRule(search, seed=seed),
    )
    quality = QualityRule(min_eye_distance, min_inside, min_sharpness, max_yaw, min_score)
    recipe = Recipe(mining, SplitRule(val, test, seed), quality, same_person)
    target, plot, given = as_path(out), path_or_none(calibration_plot), path_or_none(path)
    inputs = [] if given is None else [given]
    check_outputs(target, plot, overwrite=overwrite, inputs=inputs)
    choices = Choices(
        partial=partial,
        checksums=checksums,
        images=images,
        landmarks=path_or_none(landmarks),
        config=config,
        split=hf_split,
        revision=revision,
        image_column=image_column,
        identity_column=identity_column,
    )
    opened = open_source(source, given, choices)
    spec = EmbedderSpec(embedder, None if pack is None else str(pack), det_size, device, precision)
    elsewhere = None
    if executor == "ray":
        from faceref.pipeline.ray_executor import RayExecutor

        spec = spec.located()
        elsewhere = RayExecutor(spec.open, recipe, ray_address, workers or None, device)
    ready = spec.open() if workers == 1 else spec.open_for_threads()
    with progress_bar("Building", "images", shown=progress) as update:
        run(
            opened,
            ready,
            target,
            recipe,
            overwrite=overwrite,
            inputs=inputs,
            workers=workers or None,
            device=device,
            progress=update,
            executor=elsewhere,
            plot=plot,
        )
    return FaceRef.open(target)


def open(path: FaceRef | str | Path) -> FaceRef:
    """Open a Face_Ref for reading.

    Args:
        path: Its folder.

    Returns:
        The set. One that is open is returned as it is.

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
        (3, 128, 128) and `refs` (K, 3, 128, 128), with `image_id` and the list `ref_ids`. In a
        batch of a DataLoader `ref_ids` is a list of K tuples, each with an id of every face.

    Raises:
        FaceRefError: For an unknown split, list or scale, and where a face has no reference.

    Example:
        >>> import faceref
        >>> item = faceref.load("face_ref", "test", references=3)[0]
        >>> tuple(item["lr"].shape), tuple(item["refs"].shape)
        ((3, 16, 16), (3, 3, 128, 128))
    """
    from faceref.dataset.torch_dataset import load as run

    return run(
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
    *,
    progress: bool = True,
) -> list[str]:
    """Compute every claim of a set again, on its files alone.

    Args:
        faces: A Face_Ref, or its folder.
        embedder: That of the build, `insightface` or `dlib`: identity scores are checked, too.
        pack: insightface pack of the build.
        progress: Show a progress bar.

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
    ready = embedder_of(opened, embedder, pack)
    with progress_bar("Checking", "images", shown=progress) as update:
        return list(audit(opened, ready, update))


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

    return run(name, path_or_none(path), Choices(images=images))
