"""Credentials of registries appear nowhere: not in what is printed, not in the log at TRACE, not in the state, not in a
saved plan."""

import json
import os
import pathlib
import tempfile

from environment import MIRROR
from faulty_registry import Answer, ContentHost, FaultyRegistry
from image_policy_case import EVERYTHING, ImagePolicyCase, docker_auths, docker_config
from registry_server import PASSWORD, USER, RegistryServer, basic
from token_server import REFRESH_TOKEN, TokenServer


class SecrecyCase(ImagePolicyCase):

    def traced(self, stack, repository):
        """What it says with the log at its highest level: of a first selection, a plan with news that is saved and
        applied, an error of validation, and an import."""
        outcomes = [stack.declare(repository).apply(**EVERYTHING)]
        self.assertIn("provider.terraform-provider-delivery", outcomes[0].output, "there is no log of ours")
        repository.push("9.0.0")
        outcomes.append(stack.start("plan", "-no-color", "-input=false", "-out=saved.plan", **EVERYTHING).finish())
        outcomes.append(stack.start("apply", "-no-color", "-input=false", "saved.plan", **EVERYTHING).finish())
        outcomes.append(stack.declare(repository, pin="8.0.0").apply(**EVERYTHING))
        outcomes.append(stack.declare(repository).plan("-refresh-only", **EVERYTHING))
        return outcomes

    def fails_without_showing(self, secrets, stack, host):
        """An apply that asks this host, with the log at its highest level."""
        outcome = stack.apply(**EVERYTHING)
        self.assertEqual(outcome.code, 1)
        self.assertIn("provider.terraform-provider-delivery", outcome.output, "there is no log of ours")
        self.assertIn(host, outcome.text.rpartition("Error: ")[2])
        self.shows_none_of(secrets, stack, [outcome])

    def keeps(self, secrets, stack, repository, *codes):
        outcomes = self.traced(stack, repository)
        # Their output is not shown where they differ: it might have a secret.
        self.assertEqual(tuple(outcome.code for outcome in outcomes), codes or (0, 0, 0, 1, 0))
        self.shows_none_of(secrets, stack, outcomes)


class Passwords(SecrecyCase):

    SECRETS = [PASSWORD, basic(), "%s:%s" % (USER, PASSWORD)]

    @classmethod
    def make_registry(cls):
        return RegistryServer(users=True)

    def test_provider_block(self):
        self.keeps(self.SECRETS, self.new_policy(self.registry.host, username=USER, password=PASSWORD),
                   self.new_repository("1.0.0"))

    def test_docker_config(self):
        stack = self.new_policy()
        stack.environment["DOCKER_CONFIG"] = str(docker_auths(self.registry.host))
        self.keeps(self.SECRETS, stack, self.new_repository("1.0.0"))

    def test_helper(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="bin-", dir=MIRROR.folder))
        helper = folder / "docker-credential-tests"
        helper.write_text("#!/bin/sh\necho '%s'\necho 'password is %s' >&2\n"
                          % (json.dumps({"Username": USER, "Secret": PASSWORD}), PASSWORD))
        helper.chmod(0o755)
        stack = self.new_policy()
        stack.environment.update({"PATH": "%s:%s" % (folder, os.environ["PATH"]),
                                  "DOCKER_CONFIG": str(docker_config(credsStore="tests"))})
        self.keeps(self.SECRETS, stack, self.new_repository("1.0.0"))

    def test_wrong_password(self):
        stack = self.new_policy(self.registry.host, username=USER, password="wrong-" + PASSWORD)
        self.fails_without_showing([PASSWORD, basic(password="wrong-" + PASSWORD)],
                                   stack.declare(self.new_repository("1.0.0")), self.registry.host)

    def test_helper_whose_answer_cannot_be_read(self):
        for answer in (PASSWORD, '{"Username": "robot", "Secret": "%s"' % PASSWORD, '{"Secret": ["%s"]}' % PASSWORD):
            folder = pathlib.Path(tempfile.mkdtemp(prefix="bin-", dir=MIRROR.folder))
            (folder / "docker-credential-tests").write_text("#!/bin/sh\ncat <<'EOF'\n%s\nEOF\n" % answer)
            (folder / "docker-credential-tests").chmod(0o755)
            stack = self.new_policy().declare(self.new_repository("1.0.0"))
            stack.environment.update({"PATH": "%s:%s" % (folder, os.environ["PATH"]),
                                      "DOCKER_CONFIG": str(docker_config(credsStore="tests"))})
            self.fails_without_showing([PASSWORD], stack, self.registry.host)

    def test_registry_that_repeats_what_it_was_told(self):
        with FaultyRegistry(self.registry) as proxy:
            echo = ("you said: Basic %s, that is %s" % (basic(), PASSWORD)).encode()
            proxy.inject("manifest", Answer(403, echo, {"Content-Type": "text/plain"}))
            proxy.inject("head", Answer(403, echo, {"Content-Type": "text/plain"}))
            repository = self.seen_from(proxy.host, self.new_repository("1.0.0"))
            stack = self.new_policy(proxy.host, username=USER, password=PASSWORD).declare(repository)
            self.fails_without_showing(self.SECRETS, stack, proxy.host)

    def test_signed_address_of_contents(self):
        with FaultyRegistry(self.registry) as proxy, ContentHost() as content:
            proxy.redirects = {"manifest": content, "blob": content}
            repository = self.seen_from(proxy.host, self.new_repository("1.0.0"))
            stack = self.new_policy(proxy.host, username=USER, password=PASSWORD)
            self.keeps([*self.SECRETS, ContentHost.SIGNATURE], stack, repository)
            self.assertTrue(content.requests)


class Tokens(SecrecyCase):

    @classmethod
    def setUpClass(cls):
        cls.tokens = TokenServer()
        cls.enterClassContext(cls.tokens)
        super().setUpClass()

    @classmethod
    def make_registry(cls):
        return RegistryServer(tokens=cls.tokens)

    def secrets(self):
        """All that was issued: each as a whole, and its signature."""
        return [PASSWORD, basic(), REFRESH_TOKEN, *self.tokens.issued,
                *(token.split(".")[2] for token in self.tokens.issued)]

    def keeps_all(self, stack, repository):
        outcomes = self.traced(stack, repository)
        self.assertEqual([outcome.code for outcome in outcomes], [0, 0, 0, 1, 0])
        self.shows_none_of(self.secrets(), stack, outcomes)

    def test_of_a_password(self):
        self.keeps_all(self.new_policy(self.registry.host, username=USER, password=PASSWORD),
                       self.new_repository("1.0.0"))

    def test_of_a_refresh_token(self):
        stack = self.new_policy()
        stack.environment["DOCKER_CONFIG"] = str(docker_config(
            auths={self.registry.host: {"auth": basic("<token>", ""), "identitytoken": REFRESH_TOKEN}}))
        self.keeps_all(stack, self.new_repository("1.0.0"))

    def test_of_the_provider_block(self):
        repository = self.new_repository("1.0.0")
        access = [{"type": "repository", "name": repository.name, "actions": ["pull"]}]
        self.keeps_all(self.new_policy(self.registry.host, token=self.tokens.token(access)), repository)
