"""The page for people says what the code does."""

import pathlib

from reconciler.settings import application, base, deployment, environment, reference, structure

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
MAKE_ANEW = ".venv/bin/reconciler docs"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == reference.markdown(), f"make it anew: {MAKE_ANEW}"


def undescribed(model: type[base.Settings]) -> list[str]:
    found: list[str] = []
    for key, field in structure.by_key(model).items():
        content = structure.content(field)
        if not field.description or not (content.shape or content.group):
            found.append(f"{model.__name__}.{key}")
        if content.group is not None:
            found += undescribed(content.group)
    return found


def test_every_setting_has_a_grammar_and_says_what_it_is_for() -> None:
    for model in (deployment.Deployment, environment.Environment, application.Application):
        assert undescribed(model) == []
