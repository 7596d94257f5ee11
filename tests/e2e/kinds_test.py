"""StatefulSets, DaemonSets and the other strategies of a Deployment, as Kubernetes' controllers run them."""

from environment import image
from release_case import ReleaseCase
from stack import with_field


def of_kind(manifest, kind, **spec):
    """The manifest as another kind of workload, with these members of its spec besides."""
    changed = with_field(with_field(manifest, "kind", kind), "spec.replicas", None)
    changed["spec"].update(spec)
    return changed


class KindCase(ReleaseCase):

    def images_of_pods(self, stack):
        """Pod name => image, of the pods that stay."""
        return {pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"]
                for pod in self.namespace.list("pods", "app=" + stack.name)
                if not pod["metadata"].get("deletionTimestamp")}

    def all_pods_run(self, stack, tag):
        self.assertEqual(set(self.images_of_pods(stack).values()), {image(tag)})
        self.assertEqual(self.namespace.running_version(stack.name), [tag])

    def given(self, kind, **spec):
        stack = self.new_stack()
        stack.declare("1.0.0", manifest=of_kind(stack.manifest, kind, **spec))
        self.applies(stack)
        self.all_pods_run(stack, "1.0.0")
        return stack


class StatefulSets(KindCase):

    def test_release_and_destroy(self):
        stack = self.given("StatefulSet", replicas=2, serviceName="none")
        self.plan_is_empty(stack)

        self.plan_shows_changes(stack.declare("1.1.0"), "the highest ordinal first, 2 replicas")
        self.applies(stack)

        self.all_pods_run(stack, "1.1.0")
        self.assertEqual(stack.state()["running_images"], {"web": image("1.1.0")})
        self.plan_is_empty(stack)
        self.destroys(stack)
        self.assertEqual(self.images_of_pods(stack), {})
        self.nothing_is_left_over()

    def test_failed_release_is_rolled_back_with_the_pod_that_was_stuck(self):
        stack = self.given("StatefulSet", replicas=2, serviceName="none")

        self.apply_fails(stack.declare("crash"), "failed and was rolled back", "cannot open database", "-1, container")

        self.all_pods_run(stack, "1.0.0")
        self.assertEqual(stack.phase(), "RolledBack")
        self.plan_is_empty(stack.declare("1.0.0"))
        self.nothing_is_left_over()

    def test_partition_releases_the_pods_above_it(self):
        stack = self.given("StatefulSet", replicas=3, serviceName="none",
                           updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})

        self.plan_shows_changes(stack.declare("1.1.0"), "pods below ordinal 2 keep their version")
        self.applies(stack)

        name = stack.name
        self.assertEqual(self.images_of_pods(stack), {name + "-0": image("1.0.0"), name + "-1": image("1.0.0"),
                                                      name + "-2": image("1.1.0")})
        self.plan_is_empty(stack)

    def test_on_delete_writes_and_leaves_the_pods_to_the_user(self):
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0", manifest=of_kind(
            stack.manifest, "StatefulSet", replicas=1, serviceName="none", updateStrategy={"type": "OnDelete"})))
        # Apply waits until the controller has seen it, not for the pods.
        self.eventually(lambda: self.namespace.running_version(stack.name) == ["1.0.0"], "the first pod runs")

        self.plan_shows_changes(stack.declare("1.1.0"), "Pods are replaced by you")
        self.applies(stack)

        self.assertEqual(set(self.images_of_pods(stack).values()), {image("1.0.0")})
        self.plan_is_empty(stack)

    def test_import(self):
        stack = self.given("StatefulSet", replicas=1, serviceName="none")
        (stack.folder / "terraform.tfstate").unlink()

        outcome = stack.import_("StatefulSet/%s/%s" % (self.namespace.name, stack.name))

        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(stack.state()["running_images"], {"web": image("1.0.0")})

    def test_neither_paused_nor_on_failure_pause(self):
        stack = self.new_stack()
        stack.declare("1.0.0", manifest=of_kind(stack.manifest, "StatefulSet", serviceName="none"), paused=True,
                      on_failure="pause")
        outcome = stack.validate()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "A Deployment only can be paused", "paused", "on_failure", "partition")


class DaemonSets(KindCase):

    def test_release_failure_and_destroy(self):
        stack = self.given("DaemonSet")
        self.plan_is_empty(stack)

        self.plan_shows_changes(stack.declare("1.1.0"), "maxUnavailable 1", "on every node")
        self.applies(stack)
        self.all_pods_run(stack, "1.1.0")

        self.apply_fails(stack.declare("crash"), "failed and was rolled back", "cannot open database")
        self.all_pods_run(stack, "1.1.0")
        self.plan_is_empty(stack.declare("1.1.0"))
        self.destroys(stack)
        self.nothing_is_left_over()


class Recreate(KindCase):

    def test_old_pods_end_before_new_ones_start(self):
        stack = self.given("Deployment", replicas=2, strategy={"type": "Recreate"})

        self.plan_shows_changes(stack.declare("1.1.0"), "every old pod ends before a new one starts")
        self.applies(stack)
        self.all_pods_run(stack, "1.1.0")

        self.apply_fails(stack.declare("crash"), "failed and was rolled back")
        self.all_pods_run(stack, "1.1.0")


class InitContainers(KindCase):

    def test_images_name_init_containers_and_sidecars(self):
        stack = self.new_stack()
        sidecar = {"name": "helper", "restartPolicy": "Always", "image": "unset"}
        stack.declare(manifest=with_field(stack.manifest, "spec.template.spec.initContainers", [sidecar]),
                      images={"web": image("1.0.0"), "helper": image("1.1.0")})
        # Both listen on the same port of the pod.
        stack.manifest["spec"]["template"]["spec"]["initContainers"][0]["env"] = [{"name": "LISTEN", "value": ":8081"}]
        stack.declare(images={"web": image("1.0.0"), "helper": image("1.1.0")})

        self.applies(stack)

        self.assertEqual(stack.state()["running_images"], {"web": image("1.0.0"), "helper": image("1.1.0")})
        self.plan_is_empty(stack)
