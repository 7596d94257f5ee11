"""Private registries: credentials of the provider block, of docker's config and of its helpers, over HTTP and TLS."""

import json
import os
import pathlib
import tempfile

from environment import MIRROR
from faulty_registry import FaultyRegistry
from fault_proxy import Delay
from image_policy_case import ImagePolicyCase, docker_auths, docker_config
from registry_server import PASSWORD, USER, RegistryServer, basic
from stack import Block
from token_server import REFRESH_TOKEN, TokenServer


class CredentialCase(ImagePolicyCase):

    @classmethod
    def make_registry(cls):
        return RegistryServer(users=True)

    def setUp(self):
        self.repository = self.new_repository("1.3.9", "1.4.0")

    def policy(self, environment=None, **registry):
        """Not applied; `registry` is that block's further arguments."""
        stack = self.new_policy(self.registry.host, **registry).declare(self.repository)
        stack.environment = {**stack.environment, **(environment or {})}
        return stack

    def works(self, stack):
        self.apply_selects(stack, self.repository, "1.4.0")
        self.plan_is_empty(stack)

    def is_refused(self, stack, *texts):
        """Soon, and with an error that names the host and not the password."""
        outcome = self.apply_fails(stack, "Error: ", self.registry.host, *texts)
        self.assertLess(outcome.seconds, 30)
        self.does_not_say(outcome, PASSWORD, basic())
        self.assertFalse(stack.has_state())
        return outcome


class ProviderBlock(CredentialCase):

    def test_username_and_password(self):
        self.works(self.policy(username=USER, password=PASSWORD))

    def test_it_is_preferred_to_docker(self):
        wrong = docker_config(auths={self.registry.host: {"auth": basic(password="wrong")}})
        self.works(self.policy({"DOCKER_CONFIG": str(wrong)}, username=USER, password=PASSWORD))

    def test_wrong_password(self):
        outcome = self.is_refused(self.policy(username=USER, password="wrong-" + PASSWORD), "401")
        self.does_not_say(outcome, basic(password="wrong-" + PASSWORD))

    def test_nobody(self):
        self.is_refused(self.policy(), "401")

    def test_wrong_password_at_refresh_loses_nothing(self):
        stack = self.policy(username=USER, password=PASSWORD)
        self.works(stack)
        before = stack.state()
        stack.registries = [Block(host=self.registry.host, plain_http=True, username=USER, password="changed")]
        stack.declare(self.repository)

        self.plan_fails(stack, "Error: ", self.registry.host, "401")
        self.assertEqual(stack.state(), before)

    def test_username_without_password(self):
        outcome = self.policy(username=USER).plan()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "password")


class Docker(CredentialCase):

    def test_auths(self):
        self.works(self.policy({"DOCKER_CONFIG": str(docker_auths(self.registry.host))}))

    def test_host_as_an_address(self):
        for form in ("http://%s", "https://%s/v1/", "%s/"):
            with self.subTest(form):
                self.works(self.policy({"DOCKER_CONFIG": str(docker_auths(form % self.registry.host))}))

    def test_home_folder(self):
        home = pathlib.Path(tempfile.mkdtemp(prefix="home-", dir=MIRROR.folder))
        docker_auths(self.registry.host).rename(home / ".docker")
        self.works(self.policy({"DOCKER_CONFIG": "", "HOME": str(home)}))

    def test_other_hosts_credentials_are_not_used(self):
        self.is_refused(self.policy({"DOCKER_CONFIG": str(docker_auths("127.0.0.1:1", "127.0.0.1"))}), "401")

    def test_config_that_cannot_be_read(self):
        folder = docker_config()
        for text in ('{"auths": {"%s": {"auth": "%s"' % (self.registry.host, basic()), '{"auths": []}',
                     '{"auths": {"%s": {"auth": "%%%%%s"}}}' % (self.registry.host, basic())):
            with self.subTest(text[:30]):
                (folder / "config.json").write_text(text)
                outcome = self.policy({"DOCKER_CONFIG": str(folder)}).apply()
                self.assertEqual(outcome.code, 1, outcome)
                self.says(outcome, str(folder / "config.json"))
                self.does_not_say(outcome, basic(), PASSWORD)


class Helpers(CredentialCase):

    def helper(self, name, script):
        """A folder with docker-credential-NAME, which writes what it is asked to `asked`."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="bin-", dir=MIRROR.folder))
        path = folder / ("docker-credential-" + name)
        path.write_text("#!/bin/sh\nread -r host\necho \"$1 $host\" >> %s/asked\n%s\n" % (folder, script))
        path.chmod(0o755)
        return folder

    def answering(self, user=USER, password=PASSWORD):
        answer = json.dumps({"ServerURL": self.registry.host, "Username": user, "Secret": password})
        return "cat <<'EOF'\n%s\nEOF" % answer

    def environment(self, folder, **config):
        return {"DOCKER_CONFIG": str(docker_config(**config)), "PATH": "%s:%s" % (folder, os.environ["PATH"])}

    def test_helper_of_the_host(self):
        folder = self.helper("tests", self.answering())
        self.works(self.policy(self.environment(folder, credHelpers={self.registry.host: "tests"})))
        self.assertEqual(set((folder / "asked").read_text().split("\n")), {"get " + self.registry.host, ""})

    def test_store_of_all_hosts(self):
        folder = self.helper("store", self.answering())
        self.works(self.policy(self.environment(folder, credsStore="store", auths={self.registry.host: {}})))

    def test_helper_is_preferred_to_the_store(self):
        folder = self.helper("tests", self.answering())
        (folder / "docker-credential-store").write_text("#!/bin/sh\nexit 1\n")
        (folder / "docker-credential-store").chmod(0o755)
        self.works(self.policy(self.environment(folder, credsStore="store",
                                                credHelpers={self.registry.host: "tests"})))

    def test_helper_that_knows_nothing(self):
        folder = self.helper("tests", "echo 'credentials not found in native keychain'; exit 1")
        self.is_refused(self.policy(self.environment(folder, credHelpers={self.registry.host: "tests"})), "401")

    def test_helper_that_fails(self):
        for script in ("echo 'the keychain is locked' >&2; exit 3", "echo '%s'" % PASSWORD, "kill -9 $$"):
            with self.subTest(script[:25]):
                folder = self.helper("tests", script)
                self.is_refused(self.policy(self.environment(folder, credHelpers={self.registry.host: "tests"})),
                                "docker-credential-tests")

    def test_helper_that_is_not_there(self):
        environment = self.environment("", credHelpers={self.registry.host: "nowhere"})
        self.is_refused(self.policy(environment), "docker-credential-nowhere")

    def test_helper_that_hangs(self):
        folder = self.helper("tests", "exec sleep 100")
        stack = self.policy(self.environment(folder, credHelpers={self.registry.host: "tests"}))
        outcome = stack.plan()
        self.assertLess(outcome.seconds, 45)
        self.says(outcome, "docker-credential-tests")


class Tokens(CredentialCase):

    @classmethod
    def setUpClass(cls):
        cls.tokens = TokenServer()
        cls.enterClassContext(cls.tokens)
        super().setUpClass()

    @classmethod
    def make_registry(cls):
        return RegistryServer(tokens=cls.tokens)

    def test_username_and_password(self):
        stack = self.policy(username=USER, password=PASSWORD)
        self.works(stack)
        self.tokens.forget()

        self.plan_is_empty(stack)

        self.assertEqual([(request.user, request.scopes) for request in self.tokens.requests],
                         [(USER, ("repository:%s:pull" % self.repository.name,))])

    def test_everybody_may_read_what_is_public(self):
        repository = self.new_repository("1.0.0", within="public")
        self.apply_selects(self.new_policy().declare(repository), repository, "1.0.0")

    def test_nobody_may_read_what_is_not(self):
        self.is_refused(self.policy())

    def test_wrong_password(self):
        self.is_refused(self.policy(username=USER, password="wrong-" + PASSWORD), "401")

    def test_refresh_token_of_docker(self):
        self.tokens.forget()
        config = docker_config(
            auths={self.registry.host: {"auth": basic("<token>", ""), "identitytoken": REFRESH_TOKEN}})
        self.works(self.policy({"DOCKER_CONFIG": str(config)}))
        self.assertEqual({request.method for request in self.tokens.requests}, {"POST"})

    def test_wrong_refresh_token(self):
        config = docker_config(auths={self.registry.host: {"identitytoken": "wrong-" + REFRESH_TOKEN}})
        outcome = self.is_refused(self.policy({"DOCKER_CONFIG": str(config)}))
        self.does_not_say(outcome, REFRESH_TOKEN)

    def test_token_of_the_provider_block(self):
        access = [{"type": "repository", "name": self.repository.name, "actions": ["pull"]}]
        self.works(self.policy(token=self.tokens.token(access)))

    def test_token_that_ends_while_tags_are_listed(self):
        with TokenServer(seconds=3) as tokens, RegistryServer(tokens=tokens) as registry, \
                FaultyRegistry(registry) as proxy:
            repository = self.new_repository("1.0.0", "1.1.0", "1.2.0", "1.3.0", registry=registry)
            proxy.page_size = 1
            proxy.inject("list", Delay(2))
            stack = self.new_policy(proxy.host, username=USER, password=PASSWORD)
            stack.declare(self.seen_from(proxy.host, repository))
            self.apply_selects(stack, repository, "1.3.0")
            self.assertGreater(len(tokens.requests), 1)


class Tls(CredentialCase):

    @classmethod
    def make_registry(cls):
        return RegistryServer(users=True, tls=True)

    def policy(self, environment=None, **registry):
        return super().policy(environment, username=USER, password=PASSWORD, **{"plain_http": False, **registry})

    def new_policy(self, host, **settings):
        stack = super().new_policy(host)
        stack.registries = [Block(host=host, **settings)]
        return stack

    def test_our_authority(self):
        self.works(self.policy(ca_certificate=self.registry.authority))

    def test_unknown_authority(self):
        self.is_refused(self.policy(), "certificate")

    def test_insecure(self):
        self.works(self.policy(insecure=True))

    def test_authority_that_is_none(self):
        outcome = self.policy(ca_certificate="not a certificate").plan()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "ca_certificate")

    def test_plain_http_is_not_what_it_speaks(self):
        self.is_refused(self.policy(plain_http=True))

    def test_plain_http_only_when_asked(self):
        with RegistryServer(users=True) as plain, FaultyRegistry(plain) as proxy:
            repository = self.seen_from(proxy.host, self.new_repository("1.0.0", registry=plain))
            stack = self.new_policy(proxy.host, username=USER, password=PASSWORD).declare(
                self.seen_from(proxy.host, repository))

            self.apply_fails(stack, "Error: ", proxy.host, "plain_http")

            self.assertEqual(proxy.counts(), {})
