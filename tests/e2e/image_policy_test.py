"""The life of an image policy: what is selected now is shown by plan, and apply records exactly that."""

from faulty_registry import FaultyRegistry
from image_policy_case import ImagePolicyCase, semver


class FirstSelection(ImagePolicyCase):

    def test_plan_warns_what_would_be_selected_and_apply_records_it(self):
        repository = self.new_repository("1.3.9", "1.4.0", "2.0.0")
        stack = self.new_policy().declare(repository, policy=semver(">=1.0.0 <2.0.0"))

        plan = self.plan_shows_changes(stack, "Warning: ", "1.4.0", "(known after apply)")
        self.does_not_say(plan, "2.0.0 ")
        self.applies(stack)

        self.selects(stack, repository, "1.4.0")
        state = stack.state()
        self.assertEqual((state["latest_tag"], state["latest_digest"]), ("1.4.0", repository.digest("1.4.0")))
        self.assertEqual(state["candidates"], 2)
        self.assertEqual(state["platforms"], ["linux/amd64"])
        self.assertEqual(state["created_at"], "2026-01-01T00:00:00Z")
        self.skips(stack, "2.0.0")

    def test_plan_after_it_is_empty_twice(self):
        stack = self.given_policy(self.new_repository("1.3.9", "1.4.0"))

        for _ in range(2):
            self.does_not_say(self.plan_is_empty(stack), "Warning: ")
        self.plan_is_empty(stack, "-refresh=false")
        self.says(self.applies(stack), "0 added, 0 changed, 0 destroyed")

    def test_pushed_between_plan_and_apply_of_the_first(self):
        repository = self.new_repository("1.3.9")
        stack = self.new_policy().declare(repository)
        self.assertEqual(stack.start("plan", "-no-color", "-out=saved.plan").finish().code, 0)
        repository.push("1.4.0")

        outcome = stack.start("apply", "-no-color", "saved.plan").finish()

        self.assertEqual(outcome.code, 0, outcome)
        self.selects(stack, repository, stack.state()["tag"])  # any of the two: the plan said that it is not known

    def test_refresh_without_news_costs_one_list_and_one_look_at_the_tag(self):
        repository = self.new_repository(*("1.%d.0" % minor for minor in range(30)))
        with FaultyRegistry(self.registry) as counted:
            stack = self.given_policy(self.seen_from(counted.host, repository))
            self.assertLess(len(counted.requests()), 15, counted.counts())
            for _ in range(2):
                counted.forget()
                self.plan_is_empty(stack)
                self.assertLessEqual(set(counted.counts()), {"list", "head"}, counted.counts())
                self.assertLessEqual(max(counted.counts().values()), 1, counted.counts())

    def test_destroy_asks_nobody(self):
        repository = self.new_repository("1.0.0")
        with FaultyRegistry(self.registry) as counted:
            stack = self.given_policy(self.seen_from(counted.host, repository))
            counted.forget()
            outcome = stack.start("destroy", "-auto-approve", "-no-color", "-input=false", "-refresh=false").finish()
            self.assertEqual(outcome.code, 0, outcome)
            self.assertEqual(counted.counts(), {})
        self.assertFalse(stack.has_state())


class News(ImagePolicyCase):

    def test_plan_shows_the_newer_tag_and_apply_takes_it(self):
        repository = self.new_repository("1.3.9")
        stack = self.given_policy(repository)
        old, new = repository.digest("1.3.9"), repository.push("1.4.0")

        self.says(self.plan_moves(stack, "1.3.9", "1.4.0"), "1 to change", 'digest = "%s" -> "%s"' % (old, new),
                  'image = "%s:1.3.9@%s" -> "%s:1.4.0@%s"' % (repository.reference, old, repository.reference, new))
        self.apply_selects(stack, repository, "1.4.0")

        self.plan_is_empty(stack)

    def test_pushed_between_plan_and_apply_changes_nothing(self):
        repository = self.new_repository("1.3.9")
        stack = self.given_policy(repository)
        repository.push("1.4.0")
        self.assertEqual(stack.start("plan", "-no-color", "-out=saved.plan").finish().code, 0)
        repository.push("1.5.0")

        outcome = stack.start("apply", "-no-color", "saved.plan").finish()

        self.assertEqual(outcome.code, 0, outcome)
        self.selects(stack, repository, "1.4.0")
        self.plan_moves(stack, "1.4.0", "1.5.0")

    def test_tag_moved_to_another_image_is_a_change_of_the_digest(self):
        repository = self.new_repository("1.4.0")
        stack = self.given_policy(repository)
        old = repository.digest("1.4.0")
        new = repository.push("1.4.0", note="built again")

        plan = self.plan_shows_changes(stack, 'digest = "%s" -> "%s"' % (old, new))
        self.does_not_say(plan, ' tag = "1.4.0" ->')
        self.apply_selects(stack, repository, "1.4.0")

        self.plan_is_empty(stack)

    def test_tag_moved_after_the_plan_changes_nothing(self):
        repository = self.new_repository("1.3.9")
        stack = self.given_policy(repository)
        planned = repository.push("1.4.0")
        self.assertEqual(stack.start("plan", "-no-color", "-out=saved.plan").finish().code, 0)
        repository.push("1.4.0", note="built again")

        outcome = stack.start("apply", "-no-color", "saved.plan").finish()

        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(stack.state()["digest"], planned)

    def test_older_tag_is_no_news(self):
        repository = self.new_repository("1.4.0")
        stack = self.given_policy(repository)
        repository.push("1.3.9")

        self.plan_is_empty(stack)


class VanishedTag(ImagePolicyCase):

    def test_current_one_is_kept_with_a_warning(self):
        repository = self.new_repository("1.3.9", "1.4.0")
        stack = self.given_policy(repository)
        before = stack.state()
        repository.delete_tag("1.4.0")

        for _ in range(2):
            self.says(self.plan_is_empty(stack), "Warning: ", "1.4.0", "allow_downgrade")
        self.applies(stack)

        self.assertEqual(stack.state()["image"], before["image"])

    def test_goes_down_where_that_is_allowed(self):
        repository = self.new_repository("1.3.9", "1.4.0")
        stack = self.given_policy(repository, allow_downgrade=True)
        repository.delete_tag("1.4.0")

        self.plan_moves(stack, "1.4.0", "1.3.9")
        self.apply_selects(stack, repository, "1.3.9")

    def test_allowed_after_it_vanished(self):
        repository = self.new_repository("1.3.9", "1.4.0")
        stack = self.given_policy(repository)
        repository.delete_tag("1.4.0")
        self.applies(stack)

        stack.declare(repository, allow_downgrade=True)
        self.apply_selects(stack, repository, "1.3.9")
        self.plan_is_empty(stack)

    def test_a_newer_one_than_the_vanished_is_taken(self):
        repository = self.new_repository("1.3.9", "1.4.0")
        stack = self.given_policy(repository)
        repository.delete_tag("1.4.0")
        self.says(self.plan_is_empty(stack), "Warning: ")
        repository.push("1.5.0")

        self.plan_moves(stack, "1.4.0", "1.5.0")

    def test_all_tags_vanished(self):
        repository = self.new_repository("1.4.0")
        stack = self.given_policy(repository)
        repository.delete_tag("1.4.0")

        self.says(self.plan_is_empty(stack), "Warning: ", "1.4.0")
        self.assertEqual(stack.state()["tag"], "1.4.0")


class Memory(ImagePolicyCase):
    """What ran before, and what there was at the last look, is known in plan without asking anybody."""

    def given_history(self):
        """1.3.9 was selected, then 1.4.0."""
        repository = self.new_repository("1.3.9")
        stack = self.given_policy(repository)
        repository.push("1.4.0")
        self.apply_selects(stack, repository, "1.4.0")
        return repository, stack

    def is_fully_known(self, stack, repository, tag, *options):
        change = stack.planned_change(*options)
        digest = repository.digest(tag)
        self.assertEqual([change["after"].get(name) for name in ("tag", "digest", "image")],
                         [tag, digest, "%s:%s@%s" % (repository.reference, tag, digest)], change)

    def test_pin_to_what_ran_before(self):
        repository, stack = self.given_history()
        stack.declare(repository, pin="1.3.9")

        self.is_fully_known(stack, repository, "1.3.9")
        self.apply_selects(stack, repository, "1.3.9")

        repository.push("1.5.0")
        self.plan_is_empty(stack)
        self.apply_selects(stack.declare(repository), repository, "1.5.0")
        self.plan_is_empty(stack)

    def test_pin_needs_no_registry(self):
        registry = self.make_registry()
        self.enterContext(registry)
        repository = self.new_repository("1.3.9", registry=registry)
        stack = self.given_policy(repository, timeout="5s")
        repository.push("1.4.0")
        self.apply_selects(stack, repository, "1.4.0")
        stack.declare(repository, timeout="5s", pin="1.3.9")
        expected = repository.digest("1.3.9")
        registry.stop()

        for options in ([], ["-refresh=false"]):
            self.plan_moves(stack, "1.4.0", "1.3.9", *options)
        self.applies(stack)

        self.assertEqual(stack.state()["image"], "%s:1.3.9@%s" % (repository.reference, expected))

    def test_pin_to_what_never_ran(self):
        repository = self.new_repository("1.2.0", "1.3.9", "1.4.0")
        stack = self.given_policy(repository).declare(repository, pin="1.2.0")

        self.assertEqual(stack.planned_change()["after"]["tag"], "1.2.0")
        self.apply_selects(stack, repository, "1.2.0")

        self.plan_is_empty(stack)

    def test_pin_to_a_tag_that_is_not_there(self):
        repository, stack = self.given_history()
        before = stack.state()

        self.apply_fails(stack.declare(repository, pin="1.2.99"), "pin", "1.2.99")

        self.assertEqual(stack.state()["image"], before["image"])

    def test_first_selection_pinned_to_a_tag_that_is_not_there(self):
        stack = self.new_policy().declare(self.new_repository("1.0.0"), pin="1.2.99")

        self.apply_fails(stack, "pin", "1.2.99")

        self.assertFalse(stack.has_state())

    def test_pin_outside_the_policy(self):
        repository = self.new_repository("1.0.0", "nightly")
        stack = self.new_policy().declare(repository, pin="nightly")

        self.apply_selects(stack, repository, "nightly")

    def test_current_one_is_excluded(self):
        repository, stack = self.given_history()

        self.is_fully_known(stack.declare(repository, exclude=["1.4.0"]), repository, "1.3.9")
        self.apply_selects(stack, repository, "1.3.9")

        self.skips(stack, "1.4.0", "exclude")
        self.plan_is_empty(stack)

    def test_current_one_is_excluded_by_its_digest(self):
        repository, stack = self.given_history()

        stack.declare(repository, exclude=[repository.digest("1.4.0")])
        self.is_fully_known(stack, repository, "1.3.9")
        self.apply_selects(stack, repository, "1.3.9")

        self.plan_is_empty(stack)

    def test_changed_range(self):
        repository = self.new_repository("1.0.0", "2.0.0")
        stack = self.given_policy(repository, policy=semver("1.x"))
        stack.declare(repository, policy=semver(">=1.0.0"))

        self.assertEqual(stack.planned_change()["after"]["tag"], "2.0.0")
        self.apply_selects(stack, repository, "2.0.0")

        self.plan_is_empty(stack)

    def test_changed_range_back_to_what_ran(self):
        repository = self.new_repository("1.0.0", "2.0.0")
        stack = self.given_policy(repository, policy=semver("1.x"))
        self.applies(stack.declare(repository, policy=semver("2.x")))
        self.selects(stack, repository, "2.0.0")

        self.is_fully_known(stack.declare(repository, policy=semver("1.x")), repository, "1.0.0", "-refresh=false")
        self.apply_selects(stack, repository, "1.0.0")
