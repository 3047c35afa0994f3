"""What the documents name is there: commands, paths, pages, settings; and the example works."""

import contextlib
import io
import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import resolve

from registries import tokens
from tests import factories

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = {
    name: (ROOT / name).read_text()
    for name in ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/settings.md")
}
ADDRESS = "http://127.0.0.1:8000"

every_document = pytest.mark.parametrize("document", DOCUMENTS)


def code(text: str) -> list[str]:
    """What is set as code: in spans, in fences and in indented lines."""
    fences = re.findall(r"^ *```\w*\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [*fences, *re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4}(.+)", text, re.M)]


def named(document: str, pattern: str) -> set[str]:
    return {found for part in code(DOCUMENTS[document]) for found in re.findall(pattern, part)}


@every_document
def test_a_make_target_that_is_named_is_there(document):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert named(document, r"\bmake ([a-z-]+)") <= set(targets)


@every_document
def test_a_command_that_is_named_is_there(document):
    assert named(document, r"manage\.py (\w+)") <= set(get_commands())


@every_document
def test_a_setting_that_is_named_is_explained(document):
    settings = set(re.findall(r"^\| `(\w+)`", DOCUMENTS["docs/settings.md"], re.MULTILINE))
    assert named(document, r"\b(VIGIE_\w+|DATABASE_URL|CELERY_BROKER_URL)\b") <= settings


@every_document
def test_a_page_that_is_named_answers(document):
    for path in named(document, rf"(?:{ADDRESS}|^)(/[\w/.-]*)"):
        assert resolve(path), path


@every_document
def test_a_file_that_is_named_is_there(document):
    folders = [path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "var"]
    paths = {
        span for span in named(document, r"^[\w./-]+/[\w./-]*$") if span.split("/")[0] in folders
    }
    links = re.findall(r"\]\(([^):]+)\)", DOCUMENTS[document])
    beside = (ROOT / document).parent
    missing = [path for path in paths if not (ROOT / path).exists()]
    missing += [link for link in links if not (beside / link).exists()]
    assert not missing


def test_what_these_tests_look_for_is_found():
    assert {"demo", "run", "test"} <= named("README.md", r"\bmake ([a-z-]+)")
    assert {"scan", "token"} <= named("README.md", r"manage\.py (\w+)")
    assert "/account" in named("README.md", r"^(/[\w/.-]*)")
    assert ".ci/machine" in code(README)


@pytest.mark.django_db(transaction=True)
def test_the_example_of_the_api_prints_findings(live_server):
    finding = factories.a_finding(image := factories.an_image())
    subscription = image.registry.subscription
    token = tokens.issue(factories.a_user(subscription), "example")
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for stand_in, real in (
        (ADDRESS, live_server.url), ("SUBSCRIPTION-ID", str(subscription.pk)), ("THE-TOKEN", token)
    ):  # fmt: skip
        assert stand_in in example
        example = example.replace(stand_in, real)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(example, names := {})
        names["client"].close()
    severity, name, resource = printed.getvalue().split()
    assert (severity, name) == ("High", finding.vulnerability.name)
    assert resource.endswith(image.digest)


def test_the_example_for_the_shell_asks_a_version_the_api_knows(client, db):
    subscription = factories.a_subscription()
    token = tokens.issue(factories.a_user(subscription), "example")
    (path,) = re.findall(rf"curl .*?{ADDRESS}(\S+)'", README, re.DOTALL)
    answer = client.get(
        path.replace("SUBSCRIPTION-ID", str(subscription.pk)),
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200
    assert answer.json()["value"] == []
