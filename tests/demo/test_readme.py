"""The settings that the README shows are valid, and complete."""

import pathlib
import re

from reconciler.edges import settings_files

README = (pathlib.Path(__file__).parents[2] / "README.md").read_text()


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


def test_every_file_that_the_readme_links_to_exists() -> None:
    root = pathlib.Path(__file__).parents[2]
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("https://")]
    assert links
    assert [link for link in links if not (root / link).exists()] == []
