"""A bundle is what its manifest says, or it is refused with the reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from service.bundle import (
    CARD,
    GOLDEN,
    MANIFEST,
    PROGRAM,
    REQUIRED,
    SCHEMA,
    Bundle,
    BundleError,
    Content,
    canonical,
    file_digests,
    read_bundle,
    seal,
    sha256,
)
from tests.support.bundles import write_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_bundle(tmp_path / "bundle")


def refusal(folder: Path, **options: Any) -> str:
    with pytest.raises(BundleError) as refused:
        read_bundle(folder, **options)
    message = str(refused.value)
    assert message.startswith(f"{folder}: ")
    return message.removeprefix(f"{folder}: ")


def rewrite(path: Path, change: Any) -> None:
    """Change a JSON file in place by a function of its document."""
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(document)), encoding="utf-8")


def resealed(bundle: Bundle, **content: Any) -> Bundle:
    """Seal what now lies in the folder, with some of the content's fields changed."""
    fields = bundle.manifest.content.model_dump() | {"files": file_digests(bundle.folder)} | content
    return seal(bundle.folder, Content.model_validate(fields), bundle.manifest.provenance)


def test_a_sealed_bundle_is_read_back_whole(bundle: Bundle) -> None:
    again = read_bundle(bundle.folder, expect=bundle.digest)
    assert again == bundle
    assert again.schema.example == bundle.document(GOLDEN)["rows"][0]
    assert again.manifest.content.files.keys() == set(REQUIRED)
    assert len(again.golden().rows) == len(again.golden().outputs) == 3


def test_a_bundle_may_be_moved(bundle: Bundle, tmp_path: Path) -> None:
    shutil.copytree(bundle.folder, tmp_path / "elsewhere")
    assert read_bundle(tmp_path / "elsewhere", expect=bundle.digest).digest == bundle.digest


@pytest.mark.parametrize("name", REQUIRED)
def test_an_altered_file_is_named(bundle: Bundle, name: str) -> None:
    with (bundle.folder / name).open("a", encoding="utf-8") as file:
        file.write(" ")
    assert refusal(bundle.folder) == f"{name} is altered"


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named(bundle: Bundle, name: str) -> None:
    (bundle.folder / name).unlink()
    assert refusal(bundle.folder) == f"{name} is missing"


@pytest.mark.parametrize("name", ["notes.txt", "model.onnx", "deep/inside.json", ".hidden"])
def test_an_added_file_is_named(bundle: Bundle, name: str) -> None:
    (bundle.folder / name).parent.mkdir(exist_ok=True)
    (bundle.folder / name).write_text("x")
    assert refusal(bundle.folder) == f"{name} is not in the manifest"


@pytest.mark.parametrize("name", REQUIRED)
def test_a_bundle_cannot_be_sealed_without_a_required_file(bundle: Bundle, name: str) -> None:
    (bundle.folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing$"):
        resealed(bundle)


def test_another_digest_than_the_expected_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    other = write_bundle(tmp_path / "other", offset=0.6)
    said = refusal(bundle.folder, expect=other.digest)
    assert said == f"digest {bundle.digest[:12]} is not the expected {other.digest[:12]}"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'{"content": {}, "digest": "x", "provenance": {}}'],
)
def test_a_manifest_of_garbage_is_refused(bundle: Bundle, content: bytes) -> None:
    (bundle.folder / MANIFEST).write_bytes(content)
    assert refusal(bundle.folder).startswith("manifest.json is not of format 1: ")


def test_a_manifest_of_another_format_or_with_unknown_keys_is_refused(bundle: Bundle) -> None:
    for change in ({"format": 2}, {"colour": "red"}):
        rewrite(bundle.folder / MANIFEST, lambda document, c=change: document | {"content": document["content"] | c})
        assert refusal(bundle.folder).startswith("manifest.json is not of format 1: ")


def test_no_manifest_and_no_folder_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    (bundle.folder / MANIFEST).unlink()
    assert refusal(bundle.folder) == "no readable manifest.json: No such file or directory"
    assert refusal(tmp_path / "nowhere") == "no readable manifest.json: No such file or directory"


@pytest.mark.parametrize(
    "change",
    [{"name": "other"}, {"data_digest": "x"}, {"params_digest": "x"}, {"environment_digest": "x"}, {"files": {}}],
)
def test_a_content_that_was_edited_does_not_match_its_digest(bundle: Bundle, change: dict[str, Any]) -> None:
    rewrite(bundle.folder / MANIFEST, lambda document: document | {"content": document["content"] | change})
    assert refusal(bundle.folder) == "the manifest's content does not match its digest"


def test_a_schema_of_another_model_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path / "other", name="other")
    shutil.copyfile(tmp_path / "other" / SCHEMA, bundle.folder / SCHEMA)
    with pytest.raises(BundleError, match=r"schema\.json is of another model than the manifest$"):
        resealed(bundle)


def test_a_schema_of_another_task_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match=r"schema\.json is of another model than the manifest$"):
        resealed(bundle, task="regression")


@pytest.mark.parametrize("change", [{"features": []}, {"format": 2}, {"task": "multiclass"}, {"colour": "red"}])
def test_a_schema_that_makes_no_sense_is_refused(bundle: Bundle, change: dict[str, Any]) -> None:
    rewrite(bundle.folder / SCHEMA, lambda document: document | change)
    with pytest.raises(BundleError, match=r"schema\.json: "):
        resealed(bundle)


def test_provenance_does_not_change_the_digest(bundle: Bundle) -> None:
    other = seal(bundle.folder, bundle.manifest.content, {"host": "another", "created_at": "2030-01-01T00:00:00Z"})
    assert other.digest == bundle.digest
    assert other.manifest.provenance["host"] == "another"


@pytest.mark.parametrize("name", [CARD, GOLDEN, PROGRAM])
def test_any_byte_of_any_file_changes_the_digest(bundle: Bundle, name: str) -> None:
    with (bundle.folder / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert resealed(bundle).digest != bundle.digest


@pytest.mark.parametrize("field", ["data_digest", "params_digest", "environment_digest"])
def test_what_a_model_was_made_of_changes_the_digest(bundle: Bundle, field: str) -> None:
    assert resealed(bundle, **{field: "another"}).digest != bundle.digest


def test_equal_work_has_one_digest(tmp_path: Path) -> None:
    one, same, other = (
        write_bundle(tmp_path / name, offset=offset) for name, offset in (("one", 0.5), ("same", 0.5), ("other", 0.6))
    )
    assert one.digest == same.digest == sha256(canonical(one.manifest.content.model_dump(mode="json")))
    assert one.digest != other.digest


def test_canonical_json_does_not_depend_on_order_and_refuses_what_is_no_json() -> None:
    assert canonical({"b": 1, "a": [1.5, "ü", None]}) == canonical({"a": [1.5, "ü", None], "b": 1})
    assert canonical({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": float("nan")})
