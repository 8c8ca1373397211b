"""What policy makes of an image that holds other things than were declared, and of what a declaration resolves to."""

from __future__ import annotations

from datetime import timedelta

from gate.model.base import Value
from gate.policy.words import Demand, Duration, Treatment


class ContentPolicy(Value):
    """What is made of content on top of the base that no package's record names.

    Attributes:
        unowned: files that Python or the loader picks up by themselves, and programs of the base that were changed.
        other: content of kinds that have no reader (npm, jars, R, Perl, databases of other package managers).
        programs: programs in machine code that no package brought, wherever they lie.
        shells: files that are read when a shell starts.
        archives: wheels and eggs left where Python does not import from; it would if told to (`PYTHONPATH`).
        bytecode: byte code caches, which nobody compared with their sources; `block` asks for `pip --no-compile`.
        differing: a package of other versions, or another base, in the images of one index.
        partial: a package that some images of one index have and others have not.
        start: a config that has code loaded, found or installed before what was proven.
        tools: configuration of pip, conda and uv, and their credentials, left behind on top of the base.
        stale: byte code that Python runs without a source, without looking at it, or that says it is of another one.
    """

    unowned: Treatment = Treatment.BLOCK
    other: Treatment = Treatment.BLOCK
    programs: Treatment = Treatment.WARN
    shells: Treatment = Treatment.WARN
    archives: Treatment = Treatment.WARN
    bytecode: Treatment = Treatment.WARN
    differing: Treatment = Treatment.BLOCK
    partial: Treatment = Treatment.WARN
    start: Treatment = Treatment.BLOCK
    tools: Treatment = Treatment.WARN
    stale: Treatment = Treatment.BLOCK


class DriftPolicy(Value):
    """What is made of an image that is not what was declared, or what that resolves to.

    Attributes:
        undeclared: it has a package that nothing declared asks for.
        missing: it lacks a package that was declared or resolved.
        other_version: it has a package in a version that was not declared or resolved.
        other_origin: it has a package from another place than it was declared from.
        vendored: a package in it brought a copy of another one along, as pip and setuptools do with dozens.
    """

    undeclared: Treatment = Treatment.WARN
    missing: Treatment = Treatment.WARN
    other_version: Treatment = Treatment.WARN
    other_origin: Treatment = Treatment.WARN
    vendored: Treatment = Treatment.ALLOW


class ResolutionPolicy(Value):
    """What is demanded of a closed set (`gate check --resolve`, and evaluations). The defaults are the strict ones.

    A project in quarantine, and a private name from an index that is not the organisation's own, block in any case.

    Attributes:
        cooling_off: how long a file must have been public. Three days: malicious releases of well-known packages tend
            to be withdrawn within hours to a few days, and every further day holds back every fix for as long.
        source_distributions: what has no wheel; installing it runs its code at build time.
        unpinned: a declaration that names no exact version.
        yanked: a file that its maintainers withdrew (PEP 592).
        archived: a project that nobody will mend any more (PEP 792).
        deprecated: a project whose maintainers name another (PEP 792).
        evaluations: whether what was declared is resolved for an image that is evaluated. `required`: what can't be
            resolved holds the image, and the rules of closed sets judge what of the set lies in it. `advisory`: all of
            that is told and decides nothing, but for a project in quarantine. `never`: nothing is resolved.
        max_age: how long before the decision a set may have been resolved; an older one is none.
    """

    cooling_off: Duration = timedelta(days=3)
    source_distributions: Treatment = Treatment.BLOCK
    unpinned: Treatment = Treatment.WARN
    yanked: Treatment = Treatment.BLOCK
    archived: Treatment = Treatment.BLOCK
    deprecated: Treatment = Treatment.WARN
    evaluations: Demand = Demand.ADVISORY
    max_age: Duration = timedelta(days=1)
