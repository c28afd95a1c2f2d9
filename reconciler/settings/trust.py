"""Parts of deployment-config.yaml: whose commits are deployed, and what opens encrypted files."""

import enum
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from reconciler.settings import base, values


class SignaturePolicy(enum.Enum):
    REQUIRE = "require"
    OFF = "off"


class Signatures(base.Settings):
    """Whose commits of a repository are deployed. Files of the daemon's disk: no commit can add a signer."""

    policy: Annotated[SignaturePolicy, values.choice(SignaturePolicy)] = Field(
        default=SignaturePolicy.OFF,
        description="`require` deploys nothing of a commit, or of one that it brings along, that nobody of the lists"
        " below has signed. `off`: who may push may deploy.",
    )
    allowed_signers_file: values.DiskPath | None = Field(
        default=None, description="SSH keys that count, in the form of ssh-keygen's ALLOWED SIGNERS."
    )
    revoked_keys_file: values.DiskPath | None = Field(
        default=None, description="SSH keys that count no longer: public keys, one a line, or a KRL of ssh-keygen."
    )
    gpg_keyring_file: values.DiskPath | None = Field(
        default=None, description="GPG keys that count: what `gpg --export` prints, armoured or not."
    )
    signing_key_file: values.DiskPath | None = Field(
        default=None,
        description="SSH private key without a passphrase that signs revert commits. Its public half must be among the"
        " allowed signers. Needed where reverts are pushed to a repository that requires signatures.",
    )
    trusted_commit: (
        Annotated[str, values.grammar(r"[0-9a-f]{40}", title="commit id", remedy="write all 40 hexadecimal digits")]
        | None
    ) = Field(
        default=None,
        description="This commit and all before it count as trusted: the way past one that cannot be signed any more."
        " Left out: the first head that is signed as required, and all before it.",
    )

    @property
    def required(self) -> bool:
        return self.policy is SignaturePolicy.REQUIRE


class Decryption(base.Settings):
    """What opens the encrypted files of an environment. Of the daemon's disk: it never leaves it."""

    age_key_file: values.DiskPath | None = Field(
        default=None,
        description="File with the age key (what age-keygen writes, mode 600) for which the environment's SOPS files"
        " are encrypted. Left out: an encrypted file holds the application that reads it.",
    )


def signature_complaints(raw: object, *, at: base.Path) -> Iterator[base.Complaint]:
    """`raw` is the group `signatures` of the repository at `at`."""
    if base.inside(raw, "policy") != SignaturePolicy.REQUIRE.value:
        return
    if not base.inside(raw, "allowedSignersFile") and not base.inside(raw, "gpgKeyringFile"):
        yield base.Complaint(
            (*at, "signatures"), "requires signatures of nobody; add allowedSignersFile, gpgKeyringFile or both"
        )
    if base.inside(raw, "signingKeyFile") and not base.inside(raw, "allowedSignersFile"):
        yield base.Complaint(
            (*at, "signatures", "signingKeyFile"),
            "signs what nobody would trust; add its public half to a file, and name that as allowedSignersFile",
        )


def may_sign(raw: object) -> bool:
    """Whether a revert commit would meet the policy of the repository `raw`."""
    signatures = base.inside(raw, "signatures")
    required = base.inside(signatures, "policy") == SignaturePolicy.REQUIRE.value
    return not required or bool(base.inside(signatures, "signingKeyFile"))
