"""Attack: fill a task with commitments of dust, so that ending it costs more gas than a block has.

King of the Ether and its kind (SWC-128): money that is paid out in a loop over a list that anyone can lengthen is
locked once the list is long enough.

Defence: nothing loops over commitments. Each locks at least the deployment's least bond, and ending a task costs the
same for two as for eight.
"""

from tests.stories import RIGHT, SALT, WRONG, commit
from tests.world import Person, World, toy_rows


def test_ending_a_task_costs_the_same_with_two_commitments_and_with_eight(world: World) -> None:
    crowd = [Person(world.connection, index) for index in range(5, 9)]
    for person in crowd:
        person.fund()
    _gas_of_settling(world, world.miners[:2])  # the first burned bond opens a balance, once and for all

    assert _gas_of_settling(world, [*world.miners, *crowd]) == _gas_of_settling(world, world.miners[:2])
    assert _gas_of_aborting(world, [*world.miners, *crowd]) == _gas_of_aborting(world, world.miners[:2])


def _gas_of_settling(world: World, people: list[Person]) -> int:
    rows = toy_rows()
    task = world.drawn(world.spec(rows))
    for person in people:
        commit(person, task, RIGHT if person is people[0] else WRONG)
    task = world.disclose(task, rows)
    people[0].proof.reveal(task.task_id, SALT, RIGHT)
    world.chain.set_time(task.reveal_ends_at)
    return people[0].proof.settle(task.task_id)["gasUsed"]


def _gas_of_aborting(world: World, people: list[Person]) -> int:
    task = world.drawn(world.spec(toy_rows()))
    for person in people:
        commit(person, task, WRONG)
    world.chain.set_time(task.commit_ends_at + task.disclose_seconds)
    return people[0].proof.abort(task.task_id)["gasUsed"]
