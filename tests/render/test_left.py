"""Fields that are left to the cluster: no part of what is compared, nor of the digest (I12)."""

import pytest

from reconciler.model import document, fields, ids, manifests
from reconciler.render import left, stable
from reconciler.settings import rendered as rendered_settings
from tests.render import examples

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: %s}\nstringData: {password: %s, user: app}\n"


def rule(*path: str, keep: bool = True, kind: str = "Secret", name: str = "*") -> fields.Rule:
    return fields.Rule(ids.KindKey("", kind), name, "*", path, keep, f"{'keepLive' if keep else 'ignore'}[0].fields[0]")


def rendered(password: str, *rules: fields.Rule) -> manifests.ManifestSet:
    return left.taken_out(examples.assembled(SECRET % ("a", password)), rules)


def test_the_digest_does_not_know_the_value_and_the_whole_is_there_for_a_new_object() -> None:
    one, other = rendered("one", rule("data", "password")), rendered("other", rule("data", "password"))
    assert one.digest == other.digest
    assert stable.differences(one, other) == ()
    manifest = one.manifests[0]
    assert manifest.document()["data"] == {"user": "YXBw"}
    assert document.decode(manifest.born)["data"] == {"password": "b25l", "user": "YXBw"}
    assert manifest.left == (fields.Left(("data", "password"), keep=True),)


@pytest.mark.parametrize(
    ("rules", "note"),
    [
        ((rule("data", "user"),), ""),
        ((rule("data", "pasword"),), "keepLive[0].fields[0]: data.pasword is in no rendered Secret of that name"),
        ((rule("data", "password", kind="ConfigMap"),), "is in no rendered ConfigMap of that name"),
        ((rule("data", "password", name="b"),), "is in no rendered Secret of that name"),
    ],
)
def test_what_a_rule_does_not_name_still_differs(rules: tuple[fields.Rule, ...], note: str) -> None:
    one, other = rendered("one", *rules), rendered("other", *rules)
    assert [sentence.partition(" differs ")[0] for sentence in stable.differences(one, other)] == [
        "web.yaml:1: Secret web/a"
    ]
    assert "keepLive" in stable.differences(one, other)[0]
    assert one.notes == ((note,) if note.startswith("keep") else one.notes)
    assert note in "".join(one.notes)


def test_under_both_words_a_field_is_kept() -> None:
    found = rendered("one", rule("data", keep=False), rule("data", "password"))
    assert [(fields.shown(each.path), each.keep) for each in found.manifests[0].left] == [
        ("data.password", True),
        ("data.user", False),
    ]


def test_without_rules_nothing_is_touched() -> None:
    found = examples.assembled(SECRET % ("a", "x"))
    assert left.taken_out(found, ()) is found


def test_the_path_in_a_refusal_can_be_pasted() -> None:
    """A key with dots or slashes is shown so that it is read back as one step."""
    head = "apiVersion: v1\nkind: ConfigMap\n"
    text = head + 'metadata: {name: a, annotations: {checksum/secret: "%s"}}\ndata: {a.conf: "%s"}\n'
    one, other = (examples.assembled(text % (word, word)) for word in ("1", "2"))
    (told,) = stable.differences(one, other)
    paths = told.partition(" at ")[2].partition(";")[0].split(", ")
    assert paths == ["data[a.conf]", "metadata.annotations[checksum/secret]"]
    rules = [rule(*rendered_settings.field_path(path), kind="ConfigMap") for path in paths]
    assert left.taken_out(one, rules).digest == left.taken_out(other, rules).digest
