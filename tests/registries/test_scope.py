import pytest
from django.contrib.auth.models import AnonymousUser

from registries import scope
from registries.models import (
    Image,
    ManagementGroup,
    Placement,
    Registry,
    RegistryEvent,
    Repository,
    Role,
    Subscription,
    Tag,
    TagMove,
)
from registries.roles import Action


def group(name: str, parent: ManagementGroup | None = None) -> ManagementGroup:
    return ManagementGroup.objects.create(name=name, display_name=name, parent=parent)


def subscription_in(parent: ManagementGroup | None, name: str = "s") -> Subscription:
    return Subscription.objects.create(display_name=name, management_group=parent)


def test_a_role_on_a_management_group_reaches_everything_below_it(make_user):
    root = group("root")
    left, right = group("left", root), group("right", root)
    deep = group("deep", left)
    in_root, in_left, in_deep = map(subscription_in, (root, left, deep))
    subscription_in(right)
    subscription_in(None)
    assert set(scope.visible_subscriptions(make_user(Role.READER, left))) == {in_left, in_deep}
    assert in_root in scope.visible_subscriptions(make_user(Role.READER, root))


def test_management_groups_that_form_a_ring_still_end(make_user):
    one = group("one")
    two = group("two", one)
    ManagementGroup.objects.filter(pk=one.pk).update(parent=two)
    below = subscription_in(two)
    assert list(scope.visible_subscriptions(make_user(Role.READER, one))) == [below]


def test_only_roles_that_grant_an_action_reach_a_subscription(make_user):
    root = group("root")
    below, beside = subscription_in(root), subscription_in(None)
    user = make_user(Role.READER, root)
    user.role_assignments.create(role=Role.OWNER, subscription=beside)
    assert set(scope.visible_subscriptions(user)) == {below, beside}
    assert set(scope.allowed_subscriptions(user, Action.SWITCH_PLAN)) == {beside}


def test_nobody_sees_nothing():
    assert not scope.visible_subscriptions(AnonymousUser())


@pytest.mark.parametrize(
    "model", [Subscription, Registry, RegistryEvent, Repository, Image, Placement, Tag, TagMove]
)
def test_rows_of_another_subscription_do_not_exist(model, registry, make_user):
    fill(registry)
    stranger, reader = make_user(), make_user(Role.READER, registry.subscription)
    assert not scope.visible(model.objects.all(), stranger).exists()
    assert scope.visible(model.objects.all(), reader).count() == 1


def test_a_superuser_sees_rows_of_every_subscription(registry, make_user):
    fill(registry)
    assert scope.visible(Image.objects.all(), make_user(is_superuser=True)).count() == 1


def test_a_path_leads_to_the_subscription_from_models_above(registry, make_user):
    reader = make_user(Role.READER, registry.subscription)
    by_path = scope.visible(Registry.objects.all(), reader, path="subscription")
    assert list(by_path) == [registry]


def test_what_is_visible_takes_two_queries_however_deep_the_tree_is(
    make_user, django_assert_num_queries
):
    node = top = group("g0")
    for depth in range(1, 12):
        node = group(f"g{depth}", node)
        subscription_in(node)
    user = make_user(Role.READER, top)
    with django_assert_num_queries(2):
        list(scope.visible(Registry.objects.all(), user))


def fill(registry: Registry) -> None:
    repository = registry.repositories.create(name="app")
    image = registry.images.create(digest="sha256:" + "a" * 64, kind=Image.Kind.IMAGE)
    Placement.objects.create(repository=repository, image=image)
    repository.tags.create(name="v1", image=image)
    repository.tag_moves.create(name="v1", digest_after=image.digest)
    registry.events.create(
        delivery="1", action="push", repository="app", occurred_at="2026-01-01T00:00:00Z"
    )
