"""The words that tests of image policies are written in. A policy needs a registry and no cluster."""

import itertools
import json
import pathlib
import tempfile
import unittest
import zipfile

from environment import HOST, MIRROR
from registry_images import Repository
from registry_server import RegistryServer, basic
from release_case import ReleaseCase
from stack import Block, Stack, _hcl

EVERYTHING = {"TF_LOG": "TRACE", "TF_LOG_PROVIDER": "TRACE"}
_HEADER = """terraform {
  required_providers {
    delivery = {
      source = "delivery-tf/delivery"
    }
  }
}

"""


def semver(range_):
    return Block(semver=Block(range=range_))


def docker_config(**content):
    """A folder as DOCKER_CONFIG names it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="docker-", dir=MIRROR.folder))
    (folder / "config.json").write_text(json.dumps(content))
    return folder


def docker_auths(*hosts):
    """A docker config with the users' credentials for these hosts, as `docker login` writes it."""
    return docker_config(auths={host: {"auth": basic()} for host in hosts})


class PolicyStack(Stack):
    """One delivery_image_policy, or data source, named "web", of a provider that knows no cluster."""

    def __init__(self, host=HOST):
        super().__init__("unused", "web", host)
        self.type = "delivery_image_policy"
        self.registries = []  # Blocks
        self.text = ""  # what the configuration has besides, HCL
        # Nothing of this machine's user.
        self.environment = {"DOCKER_CONFIG": str(docker_config())}

    def declare(self, repository, *, policy=semver(">=1.0.0"), **arguments):
        """Writes the configuration: a policy for this repository (host/name, or something that has a `reference`)."""
        arguments = {"repository": getattr(repository, "reference", repository), "policy": policy, **arguments}
        arguments = {name: value for name, value in arguments.items() if value is not None}
        keyword = "data" if self.type == "delivery_image" else "resource"
        provider = dict(self.provider_arguments)
        if self.registries:
            provider["registry"] = self.registries
        (self.folder / "main.tf").write_text(
            _HEADER + 'provider "delivery" {\n' + _hcl(provider) + "}\n\n"
            + '%s "%s" "web" {\n' % (keyword, self.type) + _hcl(arguments) + "}\n" + self.text)
        return self

    def start(self, *arguments, **environment):
        return super().start(*arguments, **{**self.environment, **environment})

    def import_(self, import_id):
        return self.start("import", "-no-color", "-input=false", self.type + ".web", import_id).finish()

    def show(self, file):
        """A saved plan, or the state with None, as JSON."""
        shown = self.start("show", "-json", *([file] if file else [])).finish()
        if shown.code != 0:
            raise AssertionError(str(shown))
        # Warnings are not in the way: the object is the line that is one.
        return json.loads(next(line for line in shown.output.splitlines() if line.startswith("{")))

    def planned_change(self, *options):
        """The policy's part of the plan: actions, before, after, after_unknown."""
        done = self.start("plan", "-no-color", "-input=false", "-out=plan.bin", *options).finish()
        if done.code != 0:
            raise AssertionError(str(done))
        return next(change["change"] for change in self.show("plan.bin")["resource_changes"]
                    if change["type"] == self.type)

    def _instances(self):
        if not self._state_path.exists():
            return []
        return [instance for resource in json.loads(self._state_path.read_text())["resources"]
                if resource["type"] == self.type for instance in resource["instances"]]


class PolicyWords:
    """For classes that have a `registry`."""

    _repositories = itertools.count(1)

    # ---- Given

    def new_repository(self, *tags, registry=None, within="team"):
        """A repository with an image for each of these tags."""
        repository = Repository(registry or self.registry, "%s/web-%d" % (within, next(self._repositories)))
        for tag in tags:
            repository.push(tag)
        return self.seen_from((registry or self.registry).host, repository)

    def seen_from(self, host, repository):
        """Its `reference` leads to this host."""
        repository.reference = "%s/%s" % (host, repository.name)
        return repository

    def new_policy(self, *hosts, **settings):
        """A stack whose provider speaks plain HTTP with these hosts (the class's registry where none is named)."""
        stack = PolicyStack()
        self.addCleanup(stack.remove)
        stack.registries = [Block(host=host, plain_http=True, **settings) for host in hosts or [self.registry.host]]
        return stack

    def given_policy(self, repository, **arguments):
        """An applied policy."""
        stack = self.new_policy(repository.reference.split("/")[0]).declare(repository, **arguments)
        self.applies(stack)
        return stack

    # ---- Then

    def selects(self, stack, repository, tag):
        """The state names the image that the registry has under this tag."""
        state = stack.state()
        digest = repository.digest(tag)
        self.assertEqual((state["tag"], state["digest"], state["image"]),
                         (tag, digest, "%s:%s@%s" % (repository.reference, tag, digest)))

    def apply_selects(self, stack, repository, tag):
        self.applies(stack)
        self.selects(stack, repository, tag)

    def plan_moves(self, stack, old, new, *options):
        outcome = stack.plan(*options)
        self.assertEqual(outcome.code, 2, outcome)
        self.says(outcome, 'tag = "%s" -> "%s"' % (old, new))
        return outcome

    def skips(self, stack, tag, *texts):
        """The tag was skipped, for a reason that says all of `texts`."""
        reasons = {skipped["tag"]: skipped["reason"] for skipped in stack.state()["skipped"]}
        self.assertIn(tag, reasons)
        for text in texts:
            self.assertIn(text.lower(), reasons[tag].lower())

    def shows_none_of(self, secrets, stack, outcomes):
        """Neither what was printed and logged, nor the state, nor a saved plan has one of these."""
        texts = [(outcome.command, outcome.output.encode()) for outcome in outcomes]
        for path in stack.folder.glob("*"):
            if path.name.startswith("terraform.tfstate"):
                texts.append((path.name, path.read_bytes()))
            elif zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as plan:
                    # The configuration that is in it is the user's own.
                    texts += [(path.name + "/" + name, plan.read(name)) for name in plan.namelist()
                              if not name.startswith("tfconfig/")]
        for where, text in texts:
            for number, secret in enumerate(secrets):
                # Not assertNotIn: its message would show the secret.
                self.assertTrue(secret.encode() not in text, "secret %d is in %s" % (number, where))


class ImagePolicyCase(PolicyWords, ReleaseCase):
    """Tests that share a registry of their own, and have no namespace."""

    @classmethod
    def setUpClass(cls):
        unittest.TestCase.setUpClass()
        cls.registry = cls.make_registry()
        cls.enterClassContext(cls.registry)

    @classmethod
    def make_registry(cls):
        return RegistryServer()
