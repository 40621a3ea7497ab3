"""The people of the console's tests, and how they sign in with a browser."""

from __future__ import annotations

from playwright.sync_api import Page

from serving.access.roles import Role

PASSWORD = "a long enough pass phrase 17"
NAMES = {role: f"{role.value.replace('_', '.')}.one" for role in Role}
SECOND = "supervisor.two"
HOSTILE = "<script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">'\"&"


def sign_in(page: Page, role: Role | str) -> None:
    """Sign somebody of this role in, and stand on the page that comes first."""
    page.goto("/login")
    page.get_by_label("Name").fill(NAMES[role] if isinstance(role, Role) else role)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
