from pathlib import Path

import pytest

from registries.oci.errors import NotARegistry, NotFound
from registries.providers.archive import ArchiveSource
from registries.providers.distribution import DistributionSource
from registries.providers.locating import locate
from tests import pushing
from tests.registries.providers.test_archive import OLD, write

APP = pushing.image({"a": "1"})
OTHER = pushing.image({"a": "2"})


def test_a_reference_means_an_image_of_a_registry() -> None:
    located = locate(f"registry.example:5000/team/app:1@{APP.digest}")
    with located.source as source:
        assert isinstance(source, DistributionSource)
        assert str(source.url) == "https://registry.example:5000/"
    assert (located.repository, located.reference) == ("team/app", APP.digest)


def test_one_word_on_docker_hub_means_its_library() -> None:
    located = locate("docker.io/debian:12")
    with located.source as source:
        assert str(source.url) == "https://registry-1.docker.io/"
    assert (located.repository, located.reference) == ("library/debian", "12")


def test_a_tag_or_a_digest_names_an_image_of_a_layout(tmp_path: Path) -> None:
    folder = tmp_path / "with:colon"
    pushing.write_layout(folder, APP, "1")
    pushing.write_layout(folder, OTHER, "2")
    for text, digest in ((":2", OTHER.digest), (f"@{APP.digest}", APP.digest)):
        located = locate(f"oci:{folder}{text}")
        assert located.source.resolve(located.repository, located.reference).digest == digest


def test_the_only_image_of_a_layout_needs_no_name(tmp_path: Path) -> None:
    pushing.write_layout(tmp_path, APP, "1")
    pushing.write_layout(tmp_path, APP, "latest")
    assert locate(f"oci:{tmp_path}").reference == "1"


def test_one_of_several_has_to_be_named(tmp_path: Path) -> None:
    pushing.write_layout(tmp_path, APP, "1")
    pushing.write_layout(tmp_path, OTHER, "2")
    with pytest.raises(ValueError, match=r"Say which image is meant; there is 1, 2\."):
        locate(f"oci:{tmp_path}")


def test_a_folder_of_layouts_is_not_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pushing.write_layout(tmp_path / name, APP, "1")
    with pytest.raises(ValueError, match="not one OCI image layout"):
        locate(f"oci:{tmp_path}")


def test_an_archive_means_its_image(tmp_path: Path) -> None:
    located = locate(f"docker-archive:{write(tmp_path / 'a.tar', OLD)}")
    with located.source as source:
        assert source.resolve(located.repository, located.reference).size > 0
    assert located.reference == "1.0"


@pytest.mark.parametrize("text", ["", "debian", "debian:12", "team/app", "oci-archive:x"])
def test_what_names_no_image_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="names no registry"):
        locate(text)


def test_a_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotARegistry):
        locate(f"oci:{tmp_path}/nowhere:1")
    with pytest.raises(NotFound):
        locate(f"docker-archive:{tmp_path}/nowhere.tar")


def test_a_source_that_means_no_image_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[ArchiveSource] = []
    monkeypatch.setattr(ArchiveSource, "__exit__", lambda source, *_: closed.append(source))
    path = write(tmp_path / "a.tar", {"manifest.json": b"[]"})
    with pytest.raises(NotFound):
        locate(f"docker-archive:{path}")
    assert len(closed) == 1
