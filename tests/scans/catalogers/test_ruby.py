from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component, Unreadable, cataloger_for, ruby

GEM = b"""\
# -*- encoding: utf-8 -*-
# stub: nokogiri 1.13.0 x86_64-linux lib

Gem::Specification.new do |s|
  s.name = "nokogiri".freeze
  s.version = "1.13.0"
  s.platform = "x86_64-linux".freeze
  s.add_runtime_dependency(%q<racc>.freeze, ["~> 1.4".freeze])
end
"""
NAME = "specifications/nokogiri-1.13.0-x86_64-linux.gemspec"


def read(body: bytes, path: str = NAME) -> list[Component]:
    return list(ruby.read(path, BytesIO(body)))


def test_an_installed_gem_is_read():
    assert read(GEM) == [Component("gem", "nokogiri", "1.13.0")]


@pytest.mark.parametrize(
    "body",
    [
        b'Gem::Specification.new do |s|\n  s.name = "rake".freeze\n  s.version = "13.0.6"\nend\n',
        b"Gem::Specification.new do |spec|\n  spec.version = '13.0.6'\n  spec.name = 'rake'\nend\n",
        b'  s.name = %q{rake}\n  s.version = "13.0.6"\n  s.name = "later"\n',
    ],
)
def test_without_the_comment_the_assignments_count(body):
    assert read(body, "specifications/other-1.gemspec") == [Component("gem", "rake", "13.0.6")]


def test_what_is_not_written_out_is_taken_from_the_name_of_the_file():
    body = (
        b'Gem::Specification.new do |s|\n  s.name = "nokogiri"\n  s.version = Nokogiri::VERSION\n'
    )
    assert read(body) == [Component("gem", "nokogiri", "1.13.0")]
    assert read(b"", "specifications/net-http-0.3.2.gemspec") == [
        Component("gem", "net-http", "0.3.2")
    ]


def test_a_version_that_nothing_tells_is_unknown():
    assert read(b's.name = "x"', "specifications/x.gemspec") == [Component("gem", "x", "UNKNOWN")]


def test_a_specification_without_a_name_is_unreadable():
    with pytest.raises(Unreadable):
        read(b"puts 1", "specifications/x.gemspec")


def test_wants_what_is_installed_and_no_source_tree():
    gems = "usr/local/lib/ruby/gems/3.2.0/"
    assert cataloger_for(gems + "specifications/rake-13.0.6.gemspec") is ruby.CATALOGER
    assert cataloger_for(gems + "specifications/default/json-2.6.3.gemspec") is ruby.CATALOGER
    assert cataloger_for(gems + "gems/rake-13.0.6/rake.gemspec") is None
    assert cataloger_for(gems + "specifications/rake.rb") is None
    assert cataloger_for("app/my-specifications/x-1.gemspec") is None


@given(st.binary(max_size=500))
@settings(max_examples=100)
def test_any_bytes_are_read(body):
    assert len(read(b"s.name = " + body + b"\ns.version =" + body + b"\n# stub: " + body)) == 1


def test_a_line_without_an_end_is_read_once():
    read(b"s." + b"a" * 1_000_000)
    read(b" " * 1_000_000 + b's.name = "' + b"a" * 1_000_000)
