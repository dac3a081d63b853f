from faceref.curation.components import Giant, find_components, find_giants
from faceref.pipeline.splits import SplitRule, split_identities


def test_untied_labels_are_their_own_components():
    assert find_components(["b", "a", "b"], [], []) == ["b", "a", "b"]


def test_tied_images_bring_all_images_of_their_labels_together():
    labels = ["d", "c", "d", "b", "a", "c"]
    assert find_components(labels, [0, 4], [1, 3]) == ["c", "c", "c", "a", "a", "c"]


def test_a_component_is_dealt_out_as_a_whole():
    labels = [f"p{person:03d}" for person in range(200) for _ in range(2)]
    left = [2 * person for person in range(0, 200, 2)]
    components = find_components(labels, left, [row + 2 for row in left])
    split = split_identities(components, SplitRule(0.2, 0.2))
    for row in left:
        assert split[components[row]] == split[components[row + 2]]
    assert set(split.values()) == {"train", "val", "test"}


def test_who_else_is_tied_does_not_move_a_person():
    labels = [f"p{person:03d}" for person in range(200)]
    alone = split_identities(find_components(labels, [], []), SplitRule())
    tied = split_identities(find_components(labels, [7], [150]), SplitRule())
    moved = [label for label in tied if tied[label] != alone[label]]
    assert len(moved) <= 2


def test_a_giant_is_what_a_component_holds_beyond_its_largest_label():
    labels = ["star"] * 50 + [f"p{person}" for person in range(150)]
    plain = find_components(labels, [0], [50])
    assert find_giants(plain, labels) == []
    chained = find_components(labels, [0, 50, 51], [50, 51, 52])
    assert find_giants(chained, labels) == [Giant("p0", 53, 4, 50)]
