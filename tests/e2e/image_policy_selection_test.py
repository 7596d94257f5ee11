"""Which tag is selected: orders, filters, platforms, ages; and why others are not."""

import datetime
import json
import random

from faulty_registry import GARBAGE, NO_SUCH_MANIFEST, FaultyRegistry
from image_policy_case import ImagePolicyCase, semver
from registry_images import OCI_MANIFEST, BuiltImages
from stack import Block

NUMERICAL = Block(numerical=Block(order="asc"))
NEWEST = Block(newest=Block())


def ago(**duration):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**duration)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class SelectionCase(ImagePolicyCase):

    def selected_of(self, tags, **arguments):
        """The tag that a policy selects of these, and its stack."""
        stack = self.given_policy(self.new_repository(*tags), **arguments)
        return stack.state()["tag"], stack


class Orders(SelectionCase):

    def test_semver(self):
        tags = ["1.0.0", "1.10.0", "1.9.0", "v1.10.1", "2.0.0-rc.1", "latest", "1.11.0-beta.1"]
        for range_, expected in (("1.x", "v1.10.1"), ("~1.9", "1.9.0"), ("^1.0.0 || >=2.0.0-0", "2.0.0-rc.1"),
                                 ("1.0 - 1.9", "1.9.0"), (">=1.11.0-0 <1.12.0", "1.11.0-beta.1"), ("*", "v1.10.1")):
            with self.subTest(range_):
                selected, stack = self.selected_of(tags, policy=semver(range_))
                self.assertEqual(selected, expected)
                self.skips(stack, "latest")

    def test_alphabetical(self):
        for order, expected in (("asc", "bravo"), ("desc", "Zulu")):  # bytes: capitals first
            selected, _ = self.selected_of(["alpha", "bravo", "Zulu", "aleph"],
                                           policy=Block(alphabetical=Block(order=order)))
            self.assertEqual(selected, expected)

    def test_numerical_is_exact(self):
        tags = ["9", "10", "9007199254740993", "9007199254740992", "1e99", "NaN", "Inf", "0x99", "latest"]
        selected, stack = self.selected_of(tags, policy=NUMERICAL)

        self.assertEqual(selected, "9007199254740993")
        for tag in ("1e99", "NaN", "Inf", "0x99", "latest"):
            self.skips(stack, tag, "number")
        self.assertEqual(self.selected_of(tags, policy=Block(numerical=Block(order="desc")))[0], "9")

    def test_numerical_of_what_is_extracted(self):
        tags = ["main-0a1b2c-1700000009", "main-ffffff-1700000010", "dev-0a1b2c-1800000000", "main-zz-1900000000"]
        selected, stack = self.selected_of(tags, policy=NUMERICAL, filter_tags=Block(
            pattern="^main-[a-f0-9]+-(?P<ts>[0-9]+)$", extract="$ts"))

        self.assertEqual(selected, "main-ffffff-1700000010")
        self.skips(stack, "dev-0a1b2c-1800000000", "pattern")

    def test_semver_of_what_is_extracted(self):
        selected, _ = self.selected_of(["1.9.0-alpine", "1.10.0-alpine", "1.11.0"], filter_tags=Block(
            pattern="^(?P<version>[0-9.]+)-alpine$", extract="$version"))
        self.assertEqual(selected, "1.10.0-alpine")

    def test_filter_without_extract(self):
        selected, _ = self.selected_of(["1.0.0", "1.1.0", "1.2.0"], filter_tags=Block(pattern="^1\\.[01]\\."))
        self.assertEqual(selected, "1.1.0")

    def test_newest(self):
        repository = self.new_repository()
        for tag, created in (("b", "2026-03-01T00:00:00Z"), ("c", "2026-01-01T00:00:00Z"),
                             ("a", "2026-03-01T00:00:00.5Z"), ("d", "2026-03-01T01:30:00+02:00")):
            repository.push(tag, created=created)
        stack = self.given_policy(repository, policy=NEWEST)

        self.selects(stack, repository, "a")
        self.plan_is_empty(stack)
        repository.push("z", created="2026-02-01T00:00:00Z")
        self.plan_is_empty(stack)
        repository.push("0", created="2026-04-01T00:00:00Z")
        self.plan_moves(stack, "a", "0")

    def test_equal_ones_have_an_order_too(self):
        tags = ["1.0.0", "v1.0.0", "1.0.0-0", "1.0"]
        selected = set()
        for _ in range(3):
            random.shuffle(tags)
            selected.add(self.selected_of(tags)[0])
        self.assertEqual(len(selected), 1, selected)


class Conditions(SelectionCase):

    def test_platform(self):
        repository = self.new_repository("1.0.0")
        repository.push_index("1.1.0", ["linux/amd64", "linux/arm64"])
        repository.push_index("1.2.0", ["linux/arm64", "linux/arm/v7"])
        repository.push_index("1.3.0", ["linux/arm64"], docker=True)
        repository.push("1.4.0", platform="linux/arm64")
        stack = self.given_policy(repository, platform="linux/amd64")

        self.selects(stack, repository, "1.1.0")
        self.assertEqual(sorted(stack.state()["platforms"]), ["linux/amd64", "linux/arm64"])
        for tag in ("1.2.0", "1.3.0", "1.4.0"):
            self.skips(stack, tag, "linux/amd64")
        for platform, expected in (("linux/arm64", "1.4.0"), ("linux/arm/v7", "1.2.0")):
            with self.subTest(platform):
                self.apply_selects(stack.declare(repository, platform=platform, allow_downgrade=True),
                                   repository, expected)

    def test_formats_of_docker(self):
        repository = self.new_repository("1.0.0")
        repository.push("1.1.0", docker=True, created="2026-02-02T00:00:00Z")
        stack = self.given_policy(repository, platform="linux/amd64")
        self.selects(stack, repository, "1.1.0")
        self.assertEqual(stack.state()["created_at"], "2026-02-02T00:00:00Z")

        repository.push_index("1.2.0", ["linux/amd64", "linux/arm64"], docker=True)
        self.plan_moves(stack, "1.1.0", "1.2.0")
        self.apply_selects(stack, repository, "1.2.0")

    def test_images_of_the_usual_tools(self):
        repository = self.new_repository()
        built = BuiltImages()
        built.make("x86", "amd64", created="2026-05-01T00:00:00Z")
        built.make("arm", "arm64", created="2026-05-01T00:00:00Z")
        built.make_index("1.0.0", {"linux/amd64": "x86", "linux/arm64": "arm"})
        built.make("1.1.0", "arm64")
        for tag in ("1.0.0", "1.1.0"):
            built.push(tag, self.registry, repository.name)

        stack = self.given_policy(repository, platform="linux/amd64")

        self.selects(stack, repository, "1.0.0")
        self.assertEqual(stack.state()["created_at"], "2026-05-01T00:00:00Z")
        self.assertEqual(sorted(stack.state()["platforms"]), ["linux/amd64", "linux/arm64"])
        self.skips(stack, "1.1.0", "linux/amd64")

    def test_min_age(self):
        repository = self.new_repository()
        repository.push("1.0.0", created=ago(hours=30))
        repository.push("1.1.0", created=ago(hours=2))
        repository.push("1.2.0", created=ago(hours=-2))  # a clock that is wrong
        stack = self.given_policy(repository, min_age="24h")

        self.selects(stack, repository, "1.0.0")
        for tag in ("1.1.0", "1.2.0"):
            self.skips(stack, tag, "min_age")
        before = stack.state()["skipped"]
        self.plan_is_empty(stack)
        self.applies(stack)
        self.assertEqual(stack.state()["skipped"], before)  # no ages in it
        self.apply_selects(stack.declare(repository, min_age="1h"), repository, "1.1.0")

    def test_min_age_of_what_has_no_creation_time(self):
        repository = self.new_repository("1.0.0")
        repository.push("1.1.0", created=None)
        stack = self.given_policy(repository, min_age="24h")

        self.selects(stack, repository, "1.0.0")
        self.skips(stack, "1.1.0", "creat")

    def test_without_digest(self):
        repository = self.new_repository("1.3.9")
        stack = self.given_policy(repository, with_digest=False)
        self.assertEqual(stack.state()["image"], repository.reference + ":1.3.9")
        self.assertEqual(stack.state()["digest"], repository.digest("1.3.9"))

        stack.declare(repository)
        self.apply_selects(stack, repository, "1.3.9")


class OneBadTag(SelectionCase):
    """Never fails the policy: it is skipped, with the reason."""

    def test_its_configuration_is_gone(self):
        repository = self.new_repository("1.3.9", "1.4.0")
        manifest = json.loads(repository.manifest("1.4.0")[0])
        repository.delete_blob(manifest["config"]["digest"])
        stack = self.given_policy(repository, platform="linux/amd64")

        self.selects(stack, repository, "1.3.9")
        self.skips(stack, "1.4.0")

    def test_it_is_no_image(self):
        repository = self.new_repository("1.3.9")
        config = repository.put_blob(b"not JSON", "application/vnd.example.thing")
        repository.put_manifest("1.4.0", json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config,
                                                     "layers": []}).encode())
        stack = self.given_policy(repository, platform="linux/amd64")

        self.selects(stack, repository, "1.3.9")
        self.skips(stack, "1.4.0")

    def test_it_is_listed_but_not_there_or_garbage(self):
        for fault in (NO_SUCH_MANIFEST, GARBAGE):
            with self.subTest(str(fault)), FaultyRegistry(self.registry) as proxy:
                repository = self.seen_from(proxy.host, self.new_repository("1.3.9", "1.4.0"))
                for kind in ("head", "manifest"):
                    proxy.inject(kind, fault, reference="1.4.0")

                stack = self.given_policy(repository)

                self.selects(stack, repository, "1.3.9")
                self.skips(stack, "1.4.0")
                self.plan_is_empty(stack)
                proxy.mend()
                self.plan_moves(stack, "1.3.9", "1.4.0")


class Nothing(SelectionCase):
    """No candidate at all: an error that says why."""

    def test_repository_that_is_not_there(self):
        stack = self.new_policy().declare(self.registry.host + "/team/nowhere")
        self.apply_fails(stack, "Error: ", "team/nowhere", self.registry.host)
        self.assertFalse(stack.has_state())

    def test_repository_without_tags(self):
        repository = self.new_repository("1.0.0")
        repository.delete_tag("1.0.0")
        self.apply_fails(self.new_policy().declare(repository), "Error: ", repository.reference, "no tag")

    def test_no_candidate(self):
        repository = self.new_repository("1.0.0", "latest")
        stack = self.new_policy().declare(repository, policy=semver(">=3.0.0"))

        self.says(stack.plan(), "Warning: ", ">=3.0.0")
        self.apply_fails(stack, "Error: ", repository.reference, ">=3.0.0", "1.0.0", "latest")
        self.assertFalse(stack.has_state())

    def test_no_candidate_any_more(self):
        repository = self.new_repository("1.0.0")
        stack = self.given_policy(repository)

        self.apply_fails(stack.declare(repository, policy=semver(">=3.0.0"), allow_downgrade=True),
                         "Error: ", ">=3.0.0")
        self.selects(stack, repository, "1.0.0")


class Bad(ImagePolicyCase):
    """What the configuration alone can tell is said by validate, where it is written."""

    def test_arguments(self):
        repository = "registry.example.com/team/web"
        groups = Block(pattern="^(?P<ts>[0-9]+)$", extract="$build")
        cases = [
            ({"policy": semver("newest please")}, ['range = "newest please"']),
            ({"policy": semver("")}, ["range"]),
            ({"policy": NUMERICAL, "filter_tags": Block(pattern="^(", extract="$1")}, ['pattern = "^("']),
            ({"policy": NUMERICAL, "filter_tags": groups}, ['extract = "$build"', "group", "build"]),
            ({"policy": Block(numerical=Block(order="up"))}, ['order = "up"', "asc", "desc"]),
            ({"policy": Block(alphabetical=Block(order="ASC"))}, ['order = "ASC"', "asc", "desc"]),
            ({"policy": Block(semver=Block(range="1.x"), newest=Block())}, ["policy", "semver", "newest"]),
            ({"policy": [semver("1.x"), NEWEST]}, ["policy"]),
            ({"policy": Block()}, ["policy", "semver", "alphabetical", "numerical", "newest"]),
            ({"policy": None}, ["policy"]),
            ({"platform": "amd64"}, ['platform = "amd64"', "linux/amd64"]),
            ({"min_age": "1 fortnight"}, ['min_age = "1 fortnight"']),
            ({"min_age": "-1h"}, ['min_age = "-1h"']),
            ({"timeout": "soon"}, ['timeout = "soon"']),
            ({"pin": "not a tag"}, ['pin = "not a tag"']),
            ({"exclude": ["1.0.0", "not a tag"]}, ["exclude", "not a tag"]),
            ({"verify": Block()}, ["verify", "cosign"]),
            ({"verify": Block(cosign=Block(public_key="not a key"))}, ["public_key", "PEM"]),
        ]
        cases += [({"repository": text}, ["repository = " + json.dumps(text)]) for text in (
            repository + ":1.0.0", repository + "@sha256:" + "0" * 64, "registry.example.com/Team/Web", "",
            "https://" + repository, "registry.example.com/team web", "registry.example.com/")]
        stack = self.new_policy()
        for arguments, texts in cases:
            with self.subTest(str(texts)):
                outcome = stack.declare(**{"repository": repository, **arguments}).validate()
                self.assertEqual(outcome.code, 1, outcome)
                self.says(outcome, "Error: ", *texts)

    def test_all_of_it_at_once(self):
        outcome = self.new_policy().declare("Bad:name", policy=semver("no"), platform="x", min_age="y").validate()
        self.says(outcome, 'repository = "Bad:name"', 'range = "no"', 'platform = "x"', 'min_age = "y"')

    def test_good_ones(self):
        stack = self.new_policy()
        for repository in ("registry.example.com/team/web", "registry.example.com:5000/a/b/c", "alpine", "team/web",
                           "localhost/web", "[::1]:5000/web"):
            with self.subTest(repository):
                outcome = stack.declare(repository, min_age="36h30m", platform="linux/arm/v7").validate()
                self.assertEqual(outcome.code, 0, outcome)


class ManyTags(SelectionCase):

    def test_two_thousand_in_pages(self):
        repository = self.new_repository()
        tags = ["1.%d.%d" % (number // 100, number % 100) for number in range(1980)]
        tags += ["old-%d" % number for number in range(20)] + ["build-%d" % number for number in range(20)]
        random.shuffle(tags)
        repository.push_many(tags)
        with FaultyRegistry(self.registry) as proxy:
            self.seen_from(proxy.host, repository)
            for page, link in ((100, "{path}?{query}"), (700, "http://{host}{path}?{query}")):
                proxy.page_size, proxy.page_link = page, link
                stack = self.given_policy(repository)
                self.selects(stack, repository, "1.19.79")
                self.assertEqual(stack.state()["candidates"], 1980)
                self.assertEqual(len(stack.state()["skipped"]), 20)
            proxy.forget()
            self.plan_is_empty(stack)
            self.assertEqual(proxy.counts(), {"list": 3, "head": 1})
            # What is far down in the list is remembered too.
            self.assertEqual(stack.declare(repository, pin="1.0.1").planned_change()["after"]["tag"], "1.0.1")
