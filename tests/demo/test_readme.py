"""The settings that the README shows are valid and complete, and every page is reached."""

import pathlib
import re

from reconciler.edges import settings_files

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_settings_of_the_readme_are_valid(tmp_path: pathlib.Path) -> None:
    deployment, environment, application = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    for path, text in (
        ("config/deployment-config.yaml", deployment),
        ("desired-state/production/environment.yaml", environment),
        ("desired-state/production/web/application.yaml", application),
        ("desired-state/production/web/manifests/web.yaml", "# the objects"),
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    report = settings_files.check(tmp_path / "config", desired_state=tmp_path / "desired-state")
    assert report.problems == ()
    assert (report.environments, report.applications) == (1, 1)


def test_every_link_of_a_page_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    lost = []
    for page in pages:
        links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())]
        lost += [f"{page.relative_to(ROOT)}: {link}" for link in links if not _leads(page.parent, link)]
    assert lost == []


def test_every_how_to_is_in_the_list() -> None:
    folder = ROOT / "docs" / "how-to"
    listed = set(re.findall(r"\]\(([a-z-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {page.name for page in folder.glob("*.md")} - {"README.md"}


def _leads(folder: pathlib.Path, link: str) -> bool:
    return not link or link.startswith(("https://", "mailto:")) or (folder / link).exists()
