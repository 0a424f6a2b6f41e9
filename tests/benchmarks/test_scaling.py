from collections import Counter

import jax
import jax.numpy as jnp
import pytest

from benchmarks import scaling
from benchmarks.collectives import Collective, read_collectives
from gan_jax import image_game, parallel
from gan_jax.train import scan_steps

DEVICES = 4
SHAPES = {"w": (5, 3), "b": (7,)}


def gradient_step(state, batch, *, axis_name=None):
    """Average a "gradient" of 22 numbers, and gather one number of each example."""
    gradient = {name: value * jnp.sum(batch["real"]) for name, value in state.items()}
    gradient = jax.lax.pmean(gradient, axis_name)
    logits = jax.lax.all_gather(batch["real"].sum(axis=-1), axis_name, tiled=True)
    spread = jnp.var(logits)
    return jax.tree.map(lambda s, g: s - spread * g, state, gradient), {"loss": spread}


def compiled(step, *, steps, spread):
    """Compile a step, or a loop of some, on batches of 8 examples of 6 numbers."""
    leading = (8,) if steps == 1 else (steps, 8)
    step = step if steps == 1 else scan_steps(step)
    run = spread(step, devices=jax.devices()[:DEVICES], batch_axis=len(leading) - 1)
    state = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in SHAPES.items()}
    batch = {"real": jax.ShapeDtypeStruct((*leading, 6), jnp.float32)}
    return jax.jit(run).lower(state, batch).compile()


@pytest.mark.parametrize("spread", [parallel.pmap, parallel.shard_map])
@pytest.mark.parametrize("steps", [1, 5])
def test_what_a_step_is_known_to_tell(spread, steps):
    program = compiled(gradient_step, steps=steps, spread=spread)
    found = read_collectives(program.as_text(), devices=DEVICES)
    by_opcode = Counter()
    for each, times in found.items():
        assert each.devices == DEVICES
        by_opcode[each.opcode] += times * each.bytes
    # 15 + 7 numbers are averaged, one for each of 8 examples gathered, in float32.
    assert by_opcode == {"all-reduce": steps * 4 * 22, "all-gather": steps * 4 * 8}
    counted = scaling.count(program, devices=DEVICES, steps=steps)
    assert counted["bytes"] == 4 * (22 + 8)
    assert counted["sent"] == 4 * (22 * 2 * 3 / 4 + 8 * 3 / 4)
    assert counted["flops"] > 0


def test_a_loop_in_a_loop_counts_as_often_as_it_goes_round():
    def step(state, batch, *, axis_name=None):
        def average(carry, _):
            total = batch["real"].sum()
            moved = jax.tree.map(lambda leaf: jnp.tanh(leaf * total), carry)
            return jax.lax.pmean(moved, axis_name), None

        return jax.lax.scan(average, state, None, length=3)[0], {}

    program = compiled(step, steps=5, spread=parallel.shard_map)
    found = read_collectives(program.as_text(), devices=DEVICES)
    assert sum(each.bytes * times for each, times in found.items()) == 5 * 3 * 4 * 22
    with pytest.raises(ValueError, match="there are 2 loops in the program of 5 steps"):
        scaling.count(program, devices=DEVICES, steps=5)


WRITTEN = """
%sum (a: f32[], b: f32[]) -> f32[] {
  ROOT %add = f32[] add(%a, %b)
}

%body (p: (s32[], bf16[6])) -> (s32[], bf16[6]) {
  %start = (bf16[3]{0}, bf16[6]{0}) all-gather-start(%x), replica_groups=[4,2]<=[8], dimensions={0}
  %done = bf16[6]{0} all-gather-done(%start)
  ROOT %t = (s32[], bf16[6]{0}) tuple(%i, %done)
}

%branch (p: f32[8]) -> f32[2] {
  ROOT %rs = f32[2]{0} reduce-scatter(%p), replica_groups={{0,1,2,3},{4,5,6,7}}, to_apply=%sum
}

%condition (p: (s32[], bf16[6])) -> pred[] {
  ROOT %c = pred[] compare(%i, %n), direction=LT
}

ENTRY %main (p: f32[]) -> f32[] {
  %r = (f32[]{:T(128)}, /*index=1*/pred[10]{0}) all-reduce-start(%p, %q), to_apply=%sum
  %w = (s32[], bf16[6]{0}) while(%t), condition=%condition, body=%body, KNOWN
  ROOT %k = f32[2]{0} conditional(%i, %a, %b), branch_computations={%branch, %branch}
}
"""


def test_a_program_written_by_hand():
    known = WRITTEN.replace("KNOWN", 'backend_config={"known_trip_count":{"n":"9"}}')
    gather = Collective("all-gather", ("bf16[6]",), 12, 2)
    reduce = Collective("all-reduce", ("pred[10]", "f32[]"), 14, 8)
    scatter = Collective("reduce-scatter", ("f32[2]",), 8, 4)
    assert read_collectives(known, devices=8) == {gather: 9, reduce: 1, scatter: 2}
    assert (gather.sent, reduce.sent, scatter.sent) == (6, 24.5, 24)
    with pytest.raises(ValueError, match="all-gather is in a loop of unknown length"):
        read_collectives(WRITTEN, devices=8)


def test_the_program_of_a_run_averages_every_gradient():
    from experiments import mnist

    config = mnist.Config(dataset="digits", features=4, batch_size=8)
    experiment = image_game.experiment(mnist.PAGE, config)
    program = scaling.compiled_run(experiment, jax.devices()[:2])
    counted = scaling.count(program, devices=2, steps=experiment.log_every)
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    players = state.generator.params, state.discriminator.params
    gradients = 4 * sum(leaf.size for leaf in jax.tree.leaves(players))
    averaged = sum(
        each["count"] * each["bytes"]
        for each in counted["collectives"]
        if each["opcode"] == "all-reduce"
    )
    assert gradients <= averaged <= gradients + 200  # and the metrics, a number each


@pytest.mark.parametrize("devices", ["1", "6", "128"])
def test_mistakes_are_one_line_and_exit_with_2(devices, capsys):
    assert scaling.main(["--devices", devices]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: --devices is {devices}: it must be 2, 4, 8")
