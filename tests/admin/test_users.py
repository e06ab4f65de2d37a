"""Staff who may change users and groups in the admin give away no more than they have."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from jobsite.accounts.models import User
from tests.kit.queue import make_user

OWN = ("view_user", "change_user", "delete_user", "view_group", "change_group", "delete_group")
MORE = "add_priorityrule"


def may(*names: str) -> list[Permission]:
    return list(Permission.objects.filter(codename__in=names))


@pytest.fixture
def clerk(no_rules: None) -> Client:
    """Staff who may change users and groups, and nothing else."""
    user = make_user("clerk")
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.user_permissions.set(may(*OWN))
    client = Client()
    client.force_login(User.objects.get(pk=user.pk), backend="django.contrib.auth.backends.ModelBackend")
    return client


def save_user(client: Client, user: User, **fields: Any) -> None:
    """What the admin's form of this user sends."""
    form = {
        "username": user.username, "is_active": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00",
        "groups": [group.pk for group in user.groups.all()],
        "user_permissions": [permission.pk for permission in user.user_permissions.all()],
    }  # fmt: skip
    client.post(f"/admin/accounts/user/{user.pk}/change/", form | fields)


def test_they_can_change_a_user_and_give_what_they_have(clerk: Client) -> None:
    ada = make_user("ada")
    save_user(clerk, ada, first_name="Ada", user_permissions=[each.pk for each in may("view_user")])
    ada.refresh_from_db()
    assert ada.first_name == "Ada"
    assert ada.has_perm("accounts.view_user")


@pytest.mark.parametrize("name", ["ada", "clerk"])
def test_they_make_nobody_a_superuser(clerk: Client, name: str) -> None:
    user = User.objects.filter(username=name).first() or make_user(name)
    save_user(clerk, user, is_superuser="on", first_name="Changed")
    user.refresh_from_db()
    assert (user.first_name, user.is_superuser) == ("Changed", False)


@pytest.mark.parametrize("name", ["ada", "clerk"])
def test_they_give_nobody_a_permission_that_they_lack(clerk: Client, name: str) -> None:
    user = User.objects.filter(username=name).first() or make_user(name)
    group = Group.objects.create(name="planners")
    group.permissions.set(may(MORE))
    save_user(clerk, user, user_permissions=[each.pk for each in may(MORE)])
    save_user(clerk, user, groups=[group.pk])
    assert not User.objects.get(pk=user.pk).has_perm(f"queueapp.{MORE}")


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("by", ["rank", "permission", "group"])
def test_they_change_nobody_who_may_do_more(clerk: Client, by: str, active: bool) -> None:
    boss = make_user("boss")
    if by == "rank":
        boss.is_superuser = True
    elif by == "permission":
        boss.user_permissions.set(may(MORE))
    else:
        group = Group.objects.create(name="planners")
        group.permissions.set(may(MORE))
        boss.groups.add(group)
    boss.is_active = active
    boss.save()
    save_user(clerk, boss, first_name="Changed")
    new = {"usable_password": "true", "password1": "a-new-pass-word", "password2": "a-new-pass-word"}
    assert clerk.post(f"/admin/accounts/user/{boss.pk}/password/", new).status_code == 403
    clerk.post(f"/admin/accounts/user/{boss.pk}/delete/", {"post": "yes"})
    clerk.post("/admin/accounts/user/", {"action": "delete_selected", "_selected_action": [boss.pk], "post": "yes"})
    there = User.objects.get(pk=boss.pk)
    assert there.first_name == ""
    assert there.password == boss.password


def test_they_give_no_group_a_permission_that_they_lack(clerk: Client) -> None:
    group = Group.objects.create(name="clerks")
    save = {"name": "clerks", "permissions": [each.pk for each in may(MORE)]}
    clerk.post(f"/admin/auth/group/{group.pk}/change/", save)
    assert not group.permissions.exists()
    clerk.post(f"/admin/auth/group/{group.pk}/change/", save | {"permissions": [each.pk for each in may("view_user")]})
    assert [each.codename for each in group.permissions.all()] == ["view_user"]


def test_they_change_no_group_that_may_do_more(clerk: Client) -> None:
    group = Group.objects.create(name="planners")
    group.permissions.set(may(MORE))
    save = {"name": "planners", "permissions": []}
    assert clerk.post(f"/admin/auth/group/{group.pk}/change/", save).status_code == 403
    assert clerk.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 403
    assert group.permissions.exists()


def test_a_superuser_gives_everything(clerk: Client) -> None:
    boss, ada = make_user("boss"), make_user("ada")
    User.objects.filter(pk=boss.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(User.objects.get(pk=boss.pk), backend="django.contrib.auth.backends.ModelBackend")
    save_user(client, ada, is_superuser="on", user_permissions=[each.pk for each in may(MORE)])
    ada.refresh_from_db()
    assert ada.is_superuser
    assert [each.codename for each in ada.user_permissions.all()] == [MORE]
