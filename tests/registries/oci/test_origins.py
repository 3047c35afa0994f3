import httpx
import pytest

from registries.oci.errors import BadContent, NotARegistry
from registries.oci.origins import (
    admit,
    may_see_credentials,
    refuse_link_local,
    registry_url,
)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://registry.example", "https://registry.example/"),
        ("http://registry.example:5000/", "http://registry.example:5000/"),
        (" registry.example ", "https://registry.example/"),
        ("registry.example:5000", "https://registry.example:5000/"),
        ("localhost:5000", "http://localhost:5000/"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000/"),
        ("[::1]:5000", "http://[::1]:5000/"),
        ("https://127.0.0.1:5000", "https://127.0.0.1:5000/"),
        ("docker.io", "https://registry-1.docker.io/"),
    ],
)
def test_an_address_becomes_the_url_of_a_registry(location: str, url: str) -> None:
    assert registry_url(location) == httpx.URL(url)


@pytest.mark.parametrize(
    "location",
    [
        *("", "https://", "ftp://registry.example", "https://registry.example/team/app"),
        *("https://registry.example?x=1", "http://[::1", "https://registry.example:port"),
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_is_refused_in_a_sentence(location: str) -> None:
    with pytest.raises(NotARegistry, match="not the address of a registry"):
        registry_url(location)


def test_a_login_inside_the_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(NotARegistry, match="user name and secret apart") as caught:
        registry_url("https://me:hunter2@registry.example")
    assert "hunter2" not in str(caught.value)


PUBLIC, INNER, HERE = "https://93.184.216.34", "http://10.0.0.5:5000", "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("home", "target"),
    [
        (PUBLIC, "https://93.184.216.34/elsewhere"),
        (PUBLIC, "https://93.184.216.34:8443/"),
        (PUBLIC, "https://8.8.8.8/"),
        (INNER, "http://10.9.9.9/"),
        (INNER, "http://8.8.8.8/"),
        (HERE, "http://127.0.0.2:1/"),
        (HERE, "http://10.0.0.1/"),
        (PUBLIC, "https://no-such-name.invalid/"),
    ],
)
def test_a_registry_may_send_us_sideways_and_outwards(home: str, target: str) -> None:
    admit(httpx.URL(target), httpx.URL(home))


@pytest.mark.parametrize(
    ("home", "target"),
    [
        (PUBLIC, "https://10.0.0.1/"),
        (PUBLIC, "https://127.0.0.1/"),
        (PUBLIC, "https://[::ffff:127.0.0.1]/"),
        (PUBLIC, "https://[fd00:ec2::254]/"),
        (PUBLIC, "https://169.254.169.254/"),
        (INNER, "http://127.0.0.1:6379/"),
        (INNER, "http://0.0.0.0:6379/"),
        (INNER, "http://169.254.169.254/latest/meta-data/"),
        (HERE, "http://169.254.169.254/"),
    ],
)
def test_a_registry_may_not_send_us_further_inside_the_network(home: str, target: str) -> None:
    with pytest.raises(BadContent, match="further inside the network"):
        admit(httpx.URL(target), httpx.URL(home))


@pytest.mark.parametrize("target", ["http://93.184.216.34/", "http://8.8.8.8/"])
def test_a_registry_behind_tls_may_not_send_us_into_the_clear(target: str) -> None:
    with pytest.raises(BadContent, match="from https to plain http"):
        admit(httpx.URL(target), httpx.URL(PUBLIC))


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "https://a:b@8.8.8.8/", "//x", "ftp://x/"]
)
def test_only_plain_web_addresses_are_followed(target: str) -> None:
    with pytest.raises(BadContent, match="no plain http or https URL"):
        admit(httpx.URL(target), httpx.URL(PUBLIC))


@pytest.mark.parametrize(
    ("realm", "allowed"),
    [
        ("https://auth.other.example/token", True),
        ("http://registry.example:81/token", True),
        ("http://other.example/token", False),
    ],
)
def test_a_login_goes_in_the_clear_to_the_registry_alone(realm: str, allowed: bool) -> None:
    home = httpx.URL("http://registry.example")
    assert may_see_credentials(httpx.URL(realm), home) is allowed


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"])
def test_no_registry_stands_at_a_link_local_address(host: str) -> None:
    with pytest.raises(NotARegistry, match="link-local"):
        refuse_link_local(httpx.URL(f"http://{host}/"))


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7", "[fd00::1]", "198.51.100.7"])
def test_a_registry_may_stand_inside_the_network(host: str) -> None:
    refuse_link_local(httpx.URL(f"http://{host}/"))
