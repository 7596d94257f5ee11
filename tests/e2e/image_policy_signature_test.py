"""Signatures of cosign: what is not signed by the key that the policy names is no candidate, and it is said why."""

import base64
import json

import cosign_signatures
from certificates import KeyPair
from cosign_signatures import payload, sign
from faulty_registry import Answer, FaultyRegistry
from image_policy_case import ImagePolicyCase, semver
from registry_images import OCI_INDEX
from stack import Block

NEWEST = Block(newest=Block())


def verify(key):
    return Block(cosign=Block(public_key=key if isinstance(key, str) else key.public_pem))


class SignatureCase(ImagePolicyCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key, cls.other = KeyPair("ec"), KeyPair("ec")

    def given_signed(self, *tags, key=None):
        """A repository whose images have these tags and are signed."""
        repository = self.new_repository(*tags)
        for tag in tags:
            sign(repository, repository.digest(tag), key or self.key)
        return repository

    def is_refused(self, repository, tag, *reasons, key=None):
        """The tag is newest, and 1.0.0, which is signed well, is selected."""
        stack = self.given_policy(repository, verify=verify(key or self.key))
        self.selects(stack, repository, "1.0.0")
        self.skips(stack, tag, *reasons)
        self.plan_is_empty(stack)
        return stack


class Accepted(SignatureCase):

    def test_each_kind_of_key(self):
        for kind in ("ec", "rsa", "ed25519"):
            with self.subTest(kind):
                key = KeyPair(kind)
                repository = self.given_signed("1.0.0", "1.1.0", key=key)
                stack = self.given_policy(repository, verify=verify(key))
                self.selects(stack, repository, "1.1.0")
                self.plan_is_empty(stack)
                self.plan_is_empty(stack)

    def test_index_of_several_platforms(self):
        repository = self.new_repository()
        sign(repository, repository.push_index("1.0.0", ["linux/amd64", "linux/arm64"]), self.key)
        stack = self.given_policy(repository, platform="linux/arm64", verify=verify(self.key))
        self.selects(stack, repository, "1.0.0")

    def test_one_of_several_signatures(self):
        repository = self.new_repository("1.0.0")
        sign(repository, repository.digest("1.0.0"), self.other, KeyPair("rsa"), self.key)
        self.selects(self.given_policy(repository, verify=verify(self.key)), repository, "1.0.0")

    def test_referrer_where_the_registry_has_only_the_tag(self):
        repository = self.new_repository("1.0.0")
        sign(repository, repository.digest("1.0.0"), self.key, referrer=True)
        self.selects(self.given_policy(repository, verify=verify(self.key)), repository, "1.0.0")

    def test_referrer_where_the_registry_has_the_api(self):
        repository = self.new_repository("1.0.0")
        digest = repository.digest("1.0.0")
        made = sign(repository, digest, self.key, referrer=True)
        data, _ = repository.manifest(digest.replace(":", "-"))
        repository.delete_tag(digest.replace(":", "-"))
        self.assertIn(made, data.decode())
        with FaultyRegistry(self.registry) as proxy:
            proxy.inject("referrers", Answer(200, data, {"Content-Type": OCI_INDEX}), reference=digest)
            self.seen_from(proxy.host, repository)
            self.selects(self.given_policy(repository, verify=verify(self.key)), repository, "1.0.0")

    def test_signed_later(self):
        repository = self.given_signed("1.0.0")
        sign_later = repository.push("1.1.0")
        stack = self.is_refused(repository, "1.1.0")

        sign(repository, sign_later, self.key)

        self.plan_moves(stack, "1.0.0", "1.1.0")
        self.apply_selects(stack, repository, "1.1.0")

    def test_signatures_are_no_candidates(self):
        repository = self.given_signed("1.0.0", "1.1.0")
        sign(repository, repository.digest("1.0.0"), self.key, referrer=True)
        for policy in (NEWEST, Block(alphabetical=Block(order="asc"))):
            with self.subTest(str(policy.arguments)):
                stack = self.given_policy(repository, policy=policy)
                self.assertIn(stack.state()["tag"], ["1.0.0", "1.1.0"])


class Refused(SignatureCase):

    def test_no_signature(self):
        repository = self.given_signed("1.0.0")
        repository.push("1.1.0")
        self.is_refused(repository, "1.1.0", "not signed")

    def test_another_key(self):
        repository = self.given_signed("1.0.0")
        sign(repository, repository.push("1.1.0"), self.other)
        self.is_refused(repository, "1.1.0", "key")

    def test_another_kind_of_key(self):
        repository = self.given_signed("1.0.0")
        sign(repository, repository.push("1.1.0"), KeyPair("rsa"), KeyPair("ed25519"))
        self.is_refused(repository, "1.1.0", "key")

    def test_payload_that_was_changed(self):
        repository = self.given_signed("1.0.0")
        digest = repository.push("1.1.0")
        sign(repository, digest, self.key, signed=payload(repository.digest("1.0.0")), stored=payload(digest))
        self.is_refused(repository, "1.1.0")

    def test_signature_of_another_image(self):
        repository = self.given_signed("1.0.0")
        sign(repository, repository.push("1.1.0"), self.key, signed=payload(repository.digest("1.0.0")))
        self.is_refused(repository, "1.1.0", "another image")

    def test_signature_of_what_the_tag_was_before(self):
        repository = self.given_signed("1.0.0", "1.1.0")
        repository.push("1.1.0", note="moved")
        self.is_refused(repository, "1.1.0", "not signed")

    def test_payload_that_is_none(self):
        repository = self.given_signed("1.0.0")
        for number, text in enumerate((b"not JSON", b"{}", b'{"critical": []}', b"")):
            sign(repository, repository.push("1.%d.0" % (number + 1)), self.key, signed=text or b" ")
        stack = self.is_refused(repository, "1.1.0")
        for tag in ("1.2.0", "1.3.0", "1.4.0"):
            self.skips(stack, tag)

    def test_signature_that_is_none(self):
        repository = self.given_signed("1.0.0")
        digest = repository.push("1.1.0")
        layer = repository.put_blob(payload(digest), cosign_signatures.PAYLOAD_TYPE)
        for text in ("", "%%%", base64.b64encode(b"\x30\x00").decode(), None):
            with self.subTest(text):
                notes = {} if text is None else {"annotations": {cosign_signatures.SIGNATURE: text}}
                cosign_signatures.push(repository, digest, [{**layer, **notes}])
                self.is_refused(repository, "1.1.0")

    def test_signature_whose_payload_is_gone(self):
        repository = self.given_signed("1.0.0")
        digest = repository.push("1.1.0")
        sign(repository, digest, self.key)
        manifest = json.loads(repository.manifest(cosign_signatures.signature_tag(digest))[0])
        repository.delete_blob(manifest["layers"][0]["digest"])
        self.is_refused(repository, "1.1.0")

    def test_payload_is_not_what_its_digest_says(self):
        repository = self.given_signed("1.0.0")
        digest = repository.push("1.1.0")
        sign(repository, digest, self.other)
        manifest = json.loads(repository.manifest(cosign_signatures.signature_tag(digest))[0])
        with FaultyRegistry(self.registry) as proxy:
            proxy.inject("blob", Answer(200, payload(repository.digest("1.0.0")), {}),
                         reference=manifest["layers"][0]["digest"])
            self.is_refused(self.seen_from(proxy.host, repository), "1.1.0")

    def test_all_of_them(self):
        repository = self.new_repository("1.0.0", "1.1.0")
        stack = self.new_policy().declare(repository, verify=verify(self.key))

        self.apply_fails(stack, "Error: ", "1.1.0", "not signed")

        self.assertFalse(stack.has_state())

    def test_pin_does_not_go_around_it(self):
        repository = self.given_signed("1.0.0")
        repository.push("1.1.0")
        stack = self.given_policy(repository, verify=verify(self.key))

        self.apply_fails(stack.declare(repository, verify=verify(self.key), pin="1.1.0"), "pin", "1.1.0", "not signed")

        self.selects(stack, repository, "1.0.0")

    def test_current_one_once_the_key_is_changed(self):
        repository = self.given_signed("1.0.0", "1.1.0")
        sign(repository, repository.digest("1.0.0"), self.key, self.other)
        stack = self.given_policy(repository, verify=verify(self.key))
        self.selects(stack, repository, "1.1.0")

        self.applies(stack.declare(repository, verify=verify(self.other), allow_downgrade=True))
        self.applies(stack)  # the signatures are looked at by the next refresh

        self.selects(stack, repository, "1.0.0")
        self.plan_is_empty(stack)

    def test_only_as_many_as_needed_are_looked_at(self):
        repository = self.given_signed(*("1.%d.0" % minor for minor in range(20)))
        with FaultyRegistry(self.registry) as proxy:
            stack = self.given_policy(self.seen_from(proxy.host, repository), verify=verify(self.key))
            self.assertLess(len(proxy.requests()), 30, proxy.counts())
            proxy.forget()
            self.plan_is_empty(stack)
            self.assertLess(len(proxy.requests()), 5, proxy.counts())


class Keys(SignatureCase):

    def test_what_is_no_public_key_is_an_error_and_not_shown(self):
        private = self.key.private.read_text()
        stack = self.new_policy()
        # From a file, as everybody does it: the host prints the line of the configuration.
        (stack.folder / "key.tf").write_text('locals {\n  key = file("${path.module}/key.pem")\n}\n')
        stack.declare("registry.example.com/web", policy=semver("*"), verify=verify("${local.key}"))
        for text in (private, self.key.public_pem[:60], self.key.public_pem.replace("PUBLIC", "SECRET"), ""):
            with self.subTest(text[:30]):
                (stack.folder / "key.pem").write_text(text)
                outcome = stack.validate()
                self.assertEqual(outcome.code, 1, outcome)
                self.says(outcome, "Error: ", "public_key")
                self.does_not_say(outcome, private.splitlines()[1])
