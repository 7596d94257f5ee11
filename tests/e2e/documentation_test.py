"""What the documentation shows is done as it is written there, and what it promises is seen."""

import os
import pathlib
import re
import shutil
import tempfile

from environment import HOST, KUBECONFIG, KUBECTL, MIRROR, PROMETHEUS, REGISTRY, tool_environment
from registry_images import run_tool
from release_case import ReleaseCase
from stack import RunningCommand
from traffic import Traffic, ask

ROOT = pathlib.Path(__file__).resolve().parents[2]


def sections(path):
    """Heading => fenced blocks below it: (language, file that its text goes to, text)."""
    found = {}
    for part in re.split(r"^## ", path.read_text(), flags=re.MULTILINE):
        heading, _, body = part.partition("\n")
        found[heading] = re.findall(r'^```(\w+)(?: title="([^"\n]*)")?\n(.*?)^```$', body, re.MULTILINE | re.DOTALL)
    return found


class Reader:
    """Somebody at a terminal, who does what is written. `words` are replaced by what they stand for here."""

    def __init__(self, words):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="reader-", dir=MIRROR.folder))
        self._words = words
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "tofu").symlink_to(HOST)
        (tools / "kubectl").symlink_to(KUBECTL)
        (self.folder / ".kube").mkdir()
        shutil.copy(KUBECONFIG, self.folder / ".kube" / "config")
        self._environment = {**tool_environment(), "HOME": str(self.folder),
                             "PATH": "%s:%s" % (tools, os.environ["PATH"])}

    def sets(self, **environment):
        self._environment.update(environment)

    def does(self, blocks):
        """Writes the files and runs the commands, and returns how these ended."""
        outcomes = []
        for language, file, text in blocks:
            if file:
                (self.folder / file).write_text(self._here(text))
            elif language == "shell":
                outcomes += [self.runs(line) for line in text.splitlines()]
        return outcomes

    def runs(self, line):
        return RunningCommand(["sh", "-c", self._here(line)], self.folder, self._environment, answer="yes\n").finish()

    def _here(self, text):
        for word, meaning in self._words.items():
            text = re.sub(r"\b%s\b" % re.escape(word), meaning, text)
        return text


class ReaderCase(ReleaseCase):

    def only_failed(self, users, version):
        """No other version answered badly. What the Gateway itself could not deliver, on a machine that is busy, is
        counted by the tests of the strategies."""
        self.assertEqual({answer.version for answer in users.answers().failed()} - {version, None}, set())


class GettingStarted(ReaderCase):

    def test_from_the_first_line_to_the_last(self):
        guide = sections(ROOT / "docs/guides/getting-started.md")
        reader = Reader({"shop": self.namespace.name, "registry.example.com": REGISTRY})
        self.addCleanup(shutil.rmtree, reader.folder, ignore_errors=True)
        plan = "tofu plan -detailed-exitcode -var image=registry.example.com/delivery/app:%s"

        def done(heading):
            return reader.does(guide[heading])

        self.assertEqual(done("1. Declare the workload"), [])

        init, apply = done("2. Release it")
        self.assertEqual((init.code, apply.code), (0, 0), apply)
        self.says(apply, "release_plan", "create Deployment web: web = %s/delivery/app:1.0.0" % REGISTRY)
        self.assertEqual(self.namespace.deployment()["status"]["availableReplicas"], 2)
        again = reader.runs(plan % "1.0.0")
        self.assertEqual(again.code, 0, again)

        broken, = done("3. Release a version that does not work")
        self.assertEqual(broken.code, 1, broken)
        self.says(broken, "pod web-", "container web", "CrashLoopBackOff", "cannot open database", "rolled back")
        self.assertLess(broken.seconds, 40)
        self.assertEqual(self.namespace.running_version(), ["1.0.0"])
        self.assertEqual(reader.runs(plan % "crash").code, 2)

        scaled, drift = done("4. Let somebody change it")
        self.assertEqual((scaled.code, drift.code), (0, 0), drift)
        self.says(drift, "Warning: Drift", "spec.replicas: 2 -> 5, by kubectl", "replicas = 5 -> 2")

        destroyed, = done("6. Remove it")
        self.assertEqual(destroyed.code, 0, destroyed)
        self.assertIsNone(self.namespace.deployment())
        self.nothing_is_left_over()

    def test_nothing_in_it_is_left_out_here(self):
        guide = sections(ROOT / "docs/guides/getting-started.md")
        self.assertEqual({heading: [file or language for language, file, _ in blocks]
                          for heading, blocks in guide.items() if blocks},
                         {"1. Declare the workload": ["web.yaml", "main.tf"],
                          "2. Release it": ["shell"],
                          "3. Release a version that does not work": ["shell"],
                          "4. Let somebody change it": ["shell"],
                          "6. Remove it": ["shell"]})


class Guides(ReaderCase):
    """The other guides: every fence is a file or commands, and these end as the guide says."""

    def reads(self, name, more=None):
        reader = Reader({"shop": self.namespace.name, "registry.example.com": REGISTRY, **(more or {})})
        self.addCleanup(shutil.rmtree, reader.folder, ignore_errors=True)
        self.addCleanup(reader.runs, "kubectl -n shop delete deployment web --ignore-not-found")
        return reader, sections(ROOT / "docs/guides" / name)

    def ends(self, outcomes, *codes):
        self.assertEqual([outcome.code for outcome in outcomes], list(codes), "\n".join(map(str, outcomes)))
        return outcomes

    def intro(self, guide):
        return next(blocks for heading, blocks in guide.items() if heading.startswith("---"))

    def test_rolling_updates(self):
        reader, guide = self.reads("rolling-updates.md")
        self.ends(reader.does(self.intro(guide)), 0, 0)
        wrong, = self.ends(reader.does(guide["A version that starts and answers wrongly"]), 1)
        self.says(wrong, "check smoke", "rolled back", "500")
        self.assertIn("RolledBack", (reader.folder / "release.log").read_text())
        self.assertEqual(self.namespace.running_version(), ["1.0.0"])
        self.ends(reader.does(guide["Hold it"]), 0, 0)
        self.assertEqual(self.namespace.running_version(), ["1.1.0"])
        restarted, = self.ends(reader.does(guide["Restart it"]), 0)
        self.says(restarted, "restart_trigger changed")

    def test_canary_releases(self):
        reader, guide = self.reads("canary-releases.md", {"www.example.com": "%s.example.com" % self.namespace.name,
                                                          "http://prometheus.example.com:9090": PROMETHEUS})
        self.addCleanup(reader.runs, "kubectl -n shop delete service,httproute web --ignore-not-found")
        self.assertEqual(reader.does(self.intro(guide)), [])
        self.ends(reader.does(guide["The first release"]), 0, 0, 0)
        with Traffic("%s.example.com" % self.namespace.name) as users:
            users.wait_for_first_answer()
            plan, _ = self.ends(reader.does(guide["A new version"]), 0, 0)
            self.says(plan, "10 %", "50 %", "success-rate", "promote")
            self.assertEqual(self.namespace.running_version(), ["1.1.0"])
            bad, = self.ends(reader.does(guide["A version that is bad"]), 1)
            self.says(bad, "success-rate", "rolled back")
            self.assertIn("RolledBack", (reader.folder / "release.log").read_text())
            held, unchanged, _ = self.ends(reader.does(guide["Somebody says yes"]), 0, 0, 0)
        self.only_failed(users, "flaky")
        self.says(held, "approve_up_to")
        self.says(unchanged, "No changes")
        self.assertEqual(self.namespace.running_version(), ["2.0.0"])
        self.nothing_is_left_over()

    def test_moving_to_blue_green(self):
        host = "%s.example.com" % self.namespace.name
        reader, guide = self.reads("moving-to-blue-green.md", {"www.example.com": host})
        self.addCleanup(reader.runs, "kubectl -n shop delete deployment,service,httproute --all")
        self.ends(reader.does(self.intro(guide)), 0, 0)
        self.eventually(lambda: ask(host)[0] == 200, "users reach the Deployment")
        with Traffic(host) as users:
            users.wait_for_first_answer()
            self.ends(reader.does(guide["1. Give the slots a name and labels of their own"]), 0, 0, 0)
            self.ends(reader.does(guide["2. Send the users there"]), 0)
            self.eventually(lambda: ask(host)[1]["X-Pod"].startswith("www-blue-"), "users reach the slot")
            users.for_seconds(2)
            self.ends(reader.does(guide["3. Remove the old Deployment"]), 0)
            there, plan, back, bad = self.ends(reader.does(guide["From then on"]), 0, 0, 0, 1)
        self.assertEqual(users.answers().failed(), [], users.answers())
        self.says(there, "blue -> green", "smoke")
        self.says(plan, "nothing is rolled out")
        self.says(bad, "CrashLoopBackOff", "cannot open database")
        selector = self.namespace.get("service", "www")["spec"]["selector"]
        self.assertEqual(selector, {"app": "www", "slot": "blue"})
        self.assertEqual(self.namespace.running_version("www"), ["1.0.0"])

    def test_drift(self):
        reader, guide = self.reads("drift.md")
        self.ends(reader.does(self.intro(guide)), 0, 0)
        _, plan, apply = self.ends(reader.does(guide["Correct it"]), 0, 0, 0)
        self.says(plan, "Drift", "app:1.0.0\" -> ", "by kubectl-set", "1 to change")
        _, ignored, shown = self.ends(reader.does(guide["Report it, or leave it"]), 0, 0, 0)
        self.does_not_say(ignored, "replicas = 3 -> 2")
        self.says(shown, "spec.replicas: 2 -> 3")

    def test_adopting(self):
        reader, guide = self.reads("adopting.md")
        self.ends(reader.does(self.intro(guide)), 0)
        before = self.namespace.deployment()
        init, plan, apply, release = self.ends(reader.does(guide["Import"]), 0, 0, 0, 0)
        self.says(plan, "1 to import, 0 to add, 0 to change, 0 to destroy")
        self.says(release, "taken over from other tools", "kubectl-client-side-apply")
        self.assertEqual(self.namespace.deployment()["metadata"]["uid"], before["metadata"]["uid"])
        self.assertEqual(self.namespace.running_version(), ["1.1.0"])

    def test_image_policies(self):
        reader, guide = self.reads("image-policies.md")
        reader.sets(TF_VAR_plain_http="true")
        repository = "%s/%s/web" % (REGISTRY, self.namespace.name)

        def push(tag):
            run_tool("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false",
                     "docker://%s/delivery/app:%s" % (REGISTRY, tag), "docker://%s:%s" % (repository, tag))

        push("1.0.0")
        self.ends(reader.does(self.intro(guide)), 0, 0)
        self.assertEqual(self.namespace.running_version(), ["1.0.0"])
        push("1.1.0")
        plan, _ = self.ends(reader.does(guide["A newer version"]), 0, 0)
        self.says(plan, 'tag = "1.0.0" -> "1.1.0"', "web:1.0.0@sha256:", "web:1.1.0@sha256:", "0 to add, 2 to change")
        self.assertEqual(self.namespace.running_version(), ["1.1.0"])
        back, excluded = self.ends(reader.does(guide["Go back"]), 0, 0)
        self.says(back, 'tag = "1.1.0" -> "1.0.0"')
        self.says(excluded, "Apply complete")
        self.assertEqual(self.namespace.running_version(), ["1.0.0"])

    def test_permissions(self):
        reader, guide = self.reads("permissions.md")
        self.ends(reader.does(self.intro(guide)), 0, 0, 0)
        stack = self.new_stack()
        token = self.namespace.kubectl("create", "token", "releaser").strip()

        def as_releaser(config):
            config["users"] = [{"name": "admin", "user": {"token": token}}]

        stack.kubeconfig = self.edited_kubeconfig(as_releaser)
        self.does_not_say(self.plan_shows_changes(stack.declare("1.0.0")), "Warning")
        self.applies(stack)
        self.says(self.apply_fails(stack.declare("crash"), "was rolled back"), "cannot open database", "BackOff")
        self.destroys(stack)
        self.nothing_is_left_over()


class Examples(ReaderCase):

    def given(self, *folders):
        """A reader who has the files of these folders."""
        reader = Reader({})
        self.addCleanup(shutil.rmtree, reader.folder, ignore_errors=True)
        # What a test that failed has left is no obstacle to the next one.
        self.addCleanup(self.namespace.kubectl, "delete", "deployments,services,httproutes,traefikservices", "--all")
        for folder in folders:
            shutil.copytree(ROOT / "examples" / folder, reader.folder, dirs_exist_ok=True)
        init = reader.runs("tofu init")
        self.assertEqual(init.code, 0, init)
        return reader

    def test_all_are_valid(self):
        for folder in sorted((ROOT / "examples").glob("*/*/")):
            if folder.parent.name == "stacks":
                continue
            with self.subTest(folder.name):
                outcome = self.given("provider", folder.relative_to(ROOT / "examples")).runs("tofu validate")
                self.assertEqual(outcome.code, 0, outcome)

    def test_first_release(self):
        reader = self.given("stacks/first-release")
        variables = " ".join("-var %s=%s" % entry for entry in {
            "kubeconfig": KUBECONFIG, "registry": REGISTRY, "namespace": self.namespace.name, "tag": "1.0.0"}.items())

        outcome = reader.runs("tofu apply " + variables)

        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(self.namespace.running_version(), ["1.0.0"])
        empty = reader.runs("tofu plan -detailed-exitcode " + variables)
        self.assertEqual(empty.code, 0, empty)
        self.destroys_all(reader, variables)

    def destroys_all(self, reader, variables):
        outcome = reader.runs("tofu destroy " + variables)
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIsNone(self.namespace.deployment())
        self.nothing_is_left_over()

    def test_canary_behind_a_gateway(self):
        reader = self.given("stacks/canary-gateway-api")
        host = "%s.example.com" % self.namespace.name
        route = (reader.folder / "route.yaml").read_text().replace("shop.example.com", host)
        self.namespace.kubectl("apply", "--server-side", "--field-manager=platform", "-f", "-", stdin=route)
        variables = " ".join("-var %s=%s" % entry for entry in {
            "kubeconfig": KUBECONFIG, "registry": REGISTRY, "prometheus": PROMETHEUS, "namespace": self.namespace.name,
            "hold": "5s"}.items())

        def applies(tag):
            return reader.runs("tofu apply %s -var tag=%s" % (variables, tag))

        with Traffic(host):
            first = applies("1.0.0")
        self.assertEqual(first.code, 0, first)
        with Traffic(host) as users:
            users.wait_for_first_answer()
            good, bad = applies("1.1.0"), applies("flaky")
        self.assertEqual(good.code, 0, good)
        self.assertEqual(bad.code, 1, bad)
        self.says(bad, "success-rate", "rolled back")
        self.assertEqual(self.namespace.running_version(), ["1.1.0"])
        self.only_failed(users, "flaky")
        self.destroys_all(reader, variables + " -var tag=1.1.0")

    def test_blue_green(self):
        reader = self.given("stacks/blue-green")
        host = "%s.example.com" % self.namespace.name
        route = (reader.folder / "route.yaml").read_text().replace("shop.example.com", host)
        self.namespace.kubectl("apply", "--server-side", "--field-manager=platform", "-f", "-", stdin=route)
        variables = " ".join("-var %s=%s" % entry for entry in {
            "kubeconfig": KUBECONFIG, "registry": REGISTRY, "prometheus": PROMETHEUS, "namespace": self.namespace.name,
            "observe": "8s"}.items())

        def applies(tag):
            return reader.runs("tofu apply %s -var tag=%s" % (variables, tag))

        with Traffic(host):
            first = applies("1.0.0")
        self.assertEqual(first.code, 0, first)
        with Traffic(host) as users:
            users.wait_for_first_answer()
            good, bad = applies("1.1.0"), applies("wrong")
        self.assertEqual(good.code, 0, good)
        self.assertEqual(bad.code, 1, bad)
        self.says(bad, "success-rate", "rolled back")
        self.only_failed(users, "wrong")
        service = self.namespace.get("service", "web")
        self.assertEqual(service["spec"]["selector"], {"app": "web", "slot": "green"})
        outcome = reader.runs("tofu destroy %s -var tag=1.1.0" % variables)
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(self.namespace.get("service", "web")["spec"]["selector"], {"app": "web"})
        self.assertEqual(self.namespace.list("deployments"), [])
        self.nothing_is_left_over()

    def given_stack_with_users(self, stack):
        """The files of a stack, and what the platform team has for it; the variables of its commands."""
        reader = self.given("stacks/" + stack)
        host = "%s.%s.example.com" % (stack, self.namespace.name)
        route = (reader.folder / "route.yaml").read_text().replace("shop.example.com", host)
        self.namespace.kubectl("apply", "--server-side", "--field-manager=platform", "-f", "-", stdin=route)
        variables = " ".join("-var %s=%s" % entry for entry in {
            "kubeconfig": KUBECONFIG, "registry": REGISTRY, "prometheus": PROMETHEUS,
            "namespace": self.namespace.name}.items())
        return reader, host, variables

    def verdicts_become(self, reader, variables, *texts):
        def says():
            outcome = reader.runs("tofu apply -refresh-only %s" % variables)
            self.assertEqual(outcome.code, 0, outcome)
            printed = reader.runs("tofu output verdicts")
            return all(text in printed.text for text in texts)
        self.eventually(says, "the verdicts are %s" % (texts,), seconds=90)

    def test_ab_test_by_header(self):
        reader, host, variables = self.given_stack_with_users("ab-test")
        outcome = reader.runs("tofu apply " + variables)
        self.assertEqual(outcome.code, 0, outcome)
        with Traffic(host) as users, Traffic(host, headers={"X-Variant": "b"}) as testers:
            users.wait_for_first_answer()
            testers.wait_for_first_answer()
            self.verdicts_become(reader, variables, '"seconds" = "worse"', '"good-answers" = "no_difference"')
        self.assertEqual(len(users.answers().of_pods("web-b-")), 0)
        self.assertGreater(len(testers.answers().of_pods("web-b-")), 100)
        empty = reader.runs("tofu plan -detailed-exitcode " + variables)
        self.assertEqual(empty.code, 0, empty)
        self.destroys_all(reader, variables)

    def test_traffic_mirror(self):
        reader, host, variables = self.given_stack_with_users("traffic-mirror")
        variables += " -var candidate=flaky"
        outcome = reader.runs("tofu apply " + variables)
        self.assertEqual(outcome.code, 0, outcome)
        with Traffic(host) as users:
            users.wait_for_first_answer()
            self.verdicts_become(reader, variables, '"good-answers" = "worse"')
        self.assertEqual(set(users.answers().versions()), {"1.0.0"})
        self.assertEqual(len(users.answers().failed()), 0, users.answers())
        empty = reader.runs("tofu plan -detailed-exitcode " + variables)
        self.assertEqual(empty.code, 0, empty)
        self.destroys_all(reader, variables)
