import json

import pytest

from offchain.learning.errors import ManifestError
from offchain.learning.manifest import ClassTarget, Manifest, NumberColumn


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        name="pets",
        description="",
        source="a shelter",
        row_count=2,
        columns=(NumberColumn(name="weight", offset=0.5, scale=0.25),),
        target=ClassTarget(names=("cat", "dog")),
    )


# Written by hand: sorted keys, no white space.
PETS = (
    b'{"absent_words":[],"columns":[{"absent":null,"decimal":".","flags_absent":false,"kind":"number",'
    b'"name":"weight","offset":0.5,"scale":0.25,"unit":""}],"description":"","format_version":2,'
    b'"name":"pets","row_count":2,"source":"a shelter","target":{"kind":"classes","names":["cat","dog"]}}'
)


def test_to_bytes_is_canonical_json(manifest: Manifest) -> None:
    assert manifest.to_bytes() == PETS


def test_from_bytes_gives_the_manifest_back(manifest: Manifest) -> None:
    assert Manifest.from_bytes(PETS) == manifest


@pytest.mark.parametrize(
    ("part", "replacement"),
    [
        (b'"row_count":2', b'"row_count":0'),
        (b'"row_count":2', b'"row_count":2.0'),
        (b'"row_count":2', b'"row_count":"2"'),
        (b'"row_count":2', b'"row_count":true'),
        (b'"scale":0.25', b'"scale":0'),
        (b'"scale":0.25', b'"scale":NaN'),
        (b'"scale":0.25', b'"scale":1e999'),
        (b'"offset":0.5', b'"offset":-Infinity'),
        (b'"format_version":2', b'"format_version":1'),
        (b'"kind":"number"', b'"kind":"code"'),
        (b'"kind":"number"', b'"kind":"boolean"'),
        (b'"decimal":"."', b'"decimal":"e"'),
        (b'"absent":null', b'"absent":"2"'),
        (b'"flags_absent":false', b'"flags_absent":0'),
        (b'"unit":""', b'"unit":"123456789"'),
        (b'"unit":""}]', b'"unit":"","eval":"1"}]'),
        (b'"columns":[{', b'"columns":[{},{'),
        (b'"absent_words":[]', b'"absent_words":[1]'),
        (b'"name":"pets",', b'"name":"pets","name":"pets",'),
        (b'"name":"pets",', b'"name":"pets","owner":"me",'),
        (b'"name":"pets",', b""),
        (b'"name":"pets",', b'"name": "pets",'),
        (b'"name":"pets",', b'"name":"\xff",'),
        (b'["cat","dog"]', b'["cat","cat"]'),
        (b'["cat","dog"]', b'["cat"]'),
        (b'"kind":"classes"', b'"kind":"value"'),
        (b"}}", b"}}\n"),
    ],
)
def test_from_bytes_rejects_anything_else(part: bytes, replacement: bytes) -> None:
    assert part in PETS

    with pytest.raises(ManifestError):
        Manifest.from_bytes(PETS.replace(part, replacement))


def test_from_bytes_rejects_deep_nesting_and_size() -> None:
    with pytest.raises(ManifestError):
        Manifest.from_bytes(b"[" * 100_000)
    with pytest.raises(ManifestError):
        Manifest.from_bytes(json.dumps({"name": "x" * 300_000}).encode())
