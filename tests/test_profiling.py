"""Profiles of made-up traces, whose times are known, and of a real step on the CPU."""

from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.profiler import ProfileData

from gan_jax import profiling
from gan_jax.errors import RunError
from gan_jax.profiling.hlo import read_instructions

PROGRAM = """HloModule jit_step

%fused_product (a: f32[8,8]) -> f32[8,8] {
  %a = f32[8,8]{1,0} parameter(0)
  %dot.1 = f32[8,8]{1,0} dot(%a, %a), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT %tanh.1 = f32[8,8]{1,0} tanh(%dot.1)
}

%fused_sum (b: f32[8,8]) -> f32[8] {
  %b = f32[8,8]{1,0} parameter(0)
  %zero = f32[] constant(0)
  ROOT %reduce.1 = f32[8]{0} reduce(%b, %zero), dimensions={1}, to_apply=%add_region
}

%fused_moves (c: f32[8,8]) -> f32[64] {
  %c = f32[8,8]{1,0} parameter(0)
  %transpose.1 = f32[8,8]{0,1} transpose(%c), dimensions={1,0}
  ROOT %bitcast.1 = f32[64]{0} bitcast(%transpose.1)
}

ENTRY %main (x: f32[8,8]) -> f32[8] {
  %x = f32[8,8]{1,0} parameter(0)
  %conv = f32[8,8]{1,0} convolution(%x, %x), window={}, metadata={op_name="jit(step)/Conv_0/conv"}
  %library_fusion = f32[8,8]{1,0} fusion(%conv), kind=kCustom, calls=%fused_product
  %library_fusion.1 = f32[8]{0} fusion(%conv), kind=kCustom, calls=%fused_sum
  %moves_fusion = f32[64]{0} fusion(%conv), kind=kLoop, calls=%fused_moves
  %add.1 = f32[8,8]{1,0} add(%conv, %x)
  %copy-start.1 = (f32[8]{0}, f32[8]{0}, u32[]) copy-start(%library_fusion.1)
  %all-reduce.1 = f32[8]{0} all-reduce(%library_fusion.1), to_apply=%add_region
  %gemm = (f32[8,8]{1,0}, s8[4]{0}) custom-call(%x), custom_call_target="__cublas$gemm"
  %cudnn = (f32[8,8]{1,0}, u8[0]{0}) custom-call(%x), custom_call_target="__cudnn$convForward"
  %solve = f32[8,8]{1,0} custom-call(%x), custom_call_target="lapack_sgetrf"
  %draw = (s32[], u32[8]{0}, /*index=2*/u32[]) while(%t), condition=%c, body=%b, metadata={op_name="jit(step)/threefry2x32/while"}
  %normal = f32[8]{0} multiply(%x, %x), metadata={op_name="jit(step)/vmap(jit(_normal))/mul"}
  %while.1 = (s32[], f32[8]{0}) while(%t), condition=%c, body=%b
  ROOT %sort.1 = f32[8]{0} sort(%library_fusion.1), dimensions={0}, to_apply=%less
}
"""


STATS = {"hlo_op": 1, "_p": 2, "_c": 3}


def profile_data(planes):
    """Make a trace of `{plane: {line: [(name, start, end, {stat: value}), ...]}}`, in ms."""
    text = []
    for plane, lines in planes.items():
        names = {event[0]: i for i, event in enumerate((e for es in lines.values() for e in es), 1)}
        text.append(f'planes {{ name: "{plane}"')
        for kind, numbers in (("stat", STATS), ("event", names)):
            for name, i in numbers.items():
                text.append(f'{kind}_metadata {{ key: {i} value {{ id: {i} name: "{name}" }} }}')
        for line, events in lines.items():
            text.append(f'lines {{ name: "{line}"')
            for name, start, end, *stats in events:
                text.append(f"events {{ metadata_id: {names[name]} offset_ps: {round(start * 1e9)}")
                text.append(f"duration_ps: {round((end - start) * 1e9)}")
                for stat, value in stats[0].items() if stats else ():
                    kind = "str_value" if isinstance(value, str) else "int64_value"
                    value = f'"{value}"' if isinstance(value, str) else value
                    text.append(f"stats {{ metadata_id: {STATS[stat]} {kind}: {value} }}")
                text.append("}")
            text.append("}")
        text.append("}")
    serialized = ProfileData.text_proto_to_serialized_xspace("\n".join(text))
    return ProfileData.from_serialized_xspace(serialized)


def break_down(planes, wall=0.01):
    return profiling.break_down(profile_data(planes), PROGRAM, wall, Path("a.xplane.pb"))


def on_cpu(**lines):
    return {"/host:metadata": {}, "/host:CPU": lines}


def milliseconds(rows):
    return {row.name: pytest.approx(1e3 * row.seconds) for row in rows}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("conv", "convolution"),
        ("cudnn", "convolution"),
        ("dot.1", "matrix product"),
        ("library_fusion", "matrix product"),
        ("gemm", "matrix product"),
        ("library_fusion.1", "reduction"),
        ("add.1", "elementwise"),
        ("moves_fusion", "copy, transpose"),
        ("copy-start.1", "copy, transpose"),
        ("all-reduce.1", "collective"),
        ("draw", "random numbers"),
        ("normal", "random numbers"),
        ("while.1", "loop, call"),
        ("sort.1", "other"),
        ("solve", "other"),
        ("x", ""),
    ],
)
def test_kinds_of_instructions(name, kind):
    assert read_instructions(PROGRAM)[name].kind == kind


def test_where_an_instruction_comes_from():
    assert read_instructions(PROGRAM)["conv"].source == "jit(step)/Conv_0/conv"


def test_times_add_up_by_kind_and_operation():
    result = break_down(
        on_cpu(
            thread=[
                ("ThunkExecutor::Execute", 0, 9),
                ("conv", 1, 3),
                ("library_fusion", 3, 4),
                ("conv", 5, 7),
                ("add.1", 7, 7.5),
                ("add.1", 8, 8.5),
            ]
        )
    )
    assert milliseconds(result.kinds) == {"convolution": 4, "matrix product": 1, "elementwise": 1}
    assert [(row.name, row.calls) for row in result.operations] == [
        ("conv", 2), ("library_fusion", 1), ("add.1", 2),
    ]  # fmt: skip
    assert result.operations[0].source == "jit(step)/Conv_0/conv"
    assert result.kinds[0].share == pytest.approx(0.4)
    assert result.idle == pytest.approx(0.004)


def test_threads_share_the_time():
    result = break_down(on_cpu(one=[("conv", 0, 4)], two=[("add.1", 2, 6), ("sort.1", 7, 8)]))
    assert milliseconds(result.operations) == {"conv": 3, "add.1": 3, "sort.1": 1}
    assert result.idle == pytest.approx(0.003)


@pytest.mark.parametrize("split", [False, True])
def test_a_loop_has_only_what_is_left_of_its_time(split):
    events = [("while.1", 0, 8), ("conv", 1, 4), ("add.1", 5, 7)]
    lines = {"one": events[:1], "two": events[1:]} if split else {"one": events}
    result = break_down(on_cpu(**lines))
    assert milliseconds(result.kinds) == {"convolution": 3, "elementwise": 2, "loop, call": 3}
    assert result.idle == pytest.approx(0.002)


def hand_over(time, task):
    return ("ThreadpoolListener::Record", time, time, {"_p": task})


def take_up(time, task):
    return ("ThreadpoolListener::StartRegion", time, time, {"_c": task})


def lay_down(time):
    return ("ThreadpoolListener::StopRegion", time, time)


def test_tasks_handed_over_count_for_the_operation():
    result = break_down(
        on_cpu(
            one=[("conv", 0, 2, {"_p": 1}), hand_over(1, 5), ("add.1", 2, 4, {"_p": 2})],
            two=[take_up(2, 5), hand_over(3, 6), lay_down(6), take_up(7, 4), lay_down(8)],
            three=[take_up(6, 6), lay_down(7)],
        )
    )
    assert milliseconds(result.operations) == {"conv": 2 + 1 + 2 + 1, "add.1": 1}
    assert result.operations[0].calls == 1
    assert result.idle == pytest.approx(0.003)


def test_a_task_is_over_when_its_operation_is_or_another_starts_in_it():
    conv = [("conv", 0, 1, {"_p": 1}), hand_over(0.5, 5), hand_over(0.5, 6)]
    done = ("end: conv", 3, 3, {"_c": 1})
    lingering = break_down(on_cpu(one=[*conv, done], two=[take_up(1, 5), lay_down(9)]))
    assert milliseconds(lingering.operations) == {"conv": 3}
    goes_on = [take_up(1, 6), ("add.1", 2, 4, {"_p": 2}), ("end: conv", 8, 8, {"_c": 1})]
    result = break_down(on_cpu(one=conv, two=[*goes_on, lay_down(9)]))
    assert milliseconds(result.operations) == {"conv": 2, "add.1": 2}


def test_gpu_times_are_those_of_the_streams():
    result = break_down(
        {
            **on_cpu(launches=[("add.1", 0, 9)]),
            "/device:GPU:0": {
                "Stream #14(Kernel)": [
                    ("sm90_xmma_fprop", 0, 3, {"hlo_op": "cudnn"}),
                    ("loop_add_fusion", 3, 4, {"hlo_op": "add.1"}),
                    ("unheard_of", 4, 4.5),
                ],
                "Stream #15(MemcpyD2D)": [("MemcpyD2D", 3, 4, {"hlo_op": "copy-start.1"})],
                "CUPTI overhead": [("Overhead", 0, 9)],
            },
        }
    )
    assert milliseconds(result.kinds) == {
        "convolution": 3, "elementwise": 0.5, "copy, transpose": 0.5, "other": 0.5,
    }  # fmt: skip
    assert milliseconds(result.operations)["unheard_of"] == 0.5
    assert result.idle == pytest.approx(0.0055)


@pytest.mark.parametrize("planes", [{}, on_cpu(), on_cpu(one=[("ThunkExecutor::Execute", 0, 9)])])
def test_a_trace_without_operations_is_refused(planes):
    with pytest.raises(RunError, match=r"^a\.xplane\.pb: the trace holds none of the program's op"):
        break_down(planes)


def compile_(function, *shapes):
    return (
        jax.jit(function).lower(*(jax.ShapeDtypeStruct(s, jnp.float32) for s in shapes)).compile()
    )


def test_cost_of_a_matrix_product():
    cost = profiling.cost(compile_(jnp.matmul, (32, 64), (64, 16)))
    numbers = 32 * 64 + 64 * 16 + 32 * 16
    assert cost == (2 * 32 * 64 * 16, 4 * numbers, 4 * numbers, 0)


def test_cost_says_when_loops_hide_work():
    def repeated(x):
        return jax.lax.scan(lambda x, _: (x @ x, None), x, length=10)[0]

    cost = profiling.cost(compile_(repeated, (32, 32)))
    assert cost.loops == 1
    assert cost.flops == pytest.approx(2 * 32**3, rel=0.01)


def test_random_numbers_are_no_hidden_work():
    def noisy(x):
        return x + jax.random.normal(jax.random.key(0), x.shape)

    assert profiling.cost(compile_(noisy, (4, 4))).loops == 0


class Network(nn.Module):
    @nn.compact
    def __call__(self, images):
        hidden = nn.relu(nn.Conv(16, (3, 3))(images))
        return nn.Dense(64)(hidden.reshape(len(hidden), -1))


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    """Profile a small step once; return the state given, the profile and the trace's folder."""
    network = Network()
    batch = {"real": np.ones((16, 16, 16, 3), np.float32)}
    state = {"key": jax.random.key(0), **network.init(jax.random.key(1), batch["real"])}

    def step(state, batch):
        noise = jax.random.normal(state["key"], batch["real"].shape)

        def loss(params):
            return jnp.mean(network.apply({"params": params}, batch["real"] + noise) ** 2)

        value, gradients = jax.value_and_grad(loss)(state["params"])
        params = jax.tree.map(lambda p, g: p - 0.01 * g, state["params"], gradients)
        return {"key": state["key"], "params": params}, {"loss": value}

    folder = tmp_path_factory.mktemp("profile")
    step = jax.jit(step, donate_argnums=0)
    return state, profiling.profile_step(step, state, batch, folder, steps=3), folder


def test_profiling_leaves_the_state_alone(profiled):
    state, _, _ = profiled
    assert all(not leaf.is_deleted() for leaf in jax.tree.leaves(state))


def test_a_real_step_is_broken_down(profiled):
    _, profile, _ = profiled
    breakdown = profile.breakdown
    calls = {row.name: row.calls for row in breakdown.kinds}
    assert {"convolution", "matrix product", "elementwise", "random numbers"} <= set(calls)
    # Forward and the weights' gradient; of the dense layer the input's gradient, too.
    assert calls["convolution"] == 3 * 2
    assert calls["matrix product"] == 3 * 3
    shares = [row.share for row in breakdown.kinds]
    assert shares == sorted(shares, reverse=True)
    assert 0 <= breakdown.idle < breakdown.wall
    assert sum(shares) + breakdown.idle / breakdown.wall == pytest.approx(1)
    assert sum(row.seconds for row in breakdown.operations) == pytest.approx(
        breakdown.wall - breakdown.idle
    )
    assert any("Dense_0" in row.source for row in breakdown.operations)


def test_a_real_step_has_its_cost_and_the_device_its_peaks(profiled):
    _, profile, _ = profiled
    dense = 3 * 2 * 16 * (16 * 16 * 16) * 64
    convolution = 2 * 2 * 16 * 16 * 16 * (3 * 3 * 3) * 16
    assert dense + 0.8 * convolution < profile.cost.flops < 1.3 * (dense + convolution)
    assert profile.cost.loops == 0
    assert profile.seconds > 0
    assert 1e8 < profile.peak_flops < 1e16
    assert 0 < profile.cost.flops / profile.seconds / profile.peak_flops < 5
    assert 1e8 < profile.peak_bandwidth < 1e14


def test_the_trace_is_there_for_viewers(profiled):
    _, profile, folder = profiled
    assert profile.breakdown.file.is_file()
    assert profile.breakdown.file.is_relative_to(folder)
    assert list(profile.breakdown.file.parent.glob("*.trace.json.gz"))
    assert any(f"xprof {folder}" in line for line in profile.lines)


def test_the_report_says_what_was_measured(tmp_path):
    spent = profiling.Spent
    file = tmp_path / "plugins" / "profile" / "now" / "host.xplane.pb"
    breakdown = profiling.Breakdown(
        kinds=(spent("convolution", 0.006, 0.6, 20), spent("reduction", 0.003, 0.3, 40)),
        operations=(spent("conv.1", 0.006, 0.6, 20, "jit(step)/Conv_0/conv"),),
        idle=0.001,
        wall=0.01,
        file=file,
    )
    profile = profiling.Profile(
        device=jax.devices()[0],
        steps=10,
        seconds=8e-4,
        breakdown=breakdown,
        cost=profiling.Cost(flops=4e7, bytes_accessed=8e6, peak_memory=3_000_000, loops=2),
        peak_flops=1e11,
        peak_bandwidth=2e10,
    )
    assert (
        "\n".join(profile.lines)
        == f"""\
cpu: 0.80 ms per step, 1.00 ms while traced; mean of 10 steps

where the time goes              ms/step   share  calls/step
  convolution                       0.60   60.0%           2
  reduction                         0.30   30.0%           4
  idle                              0.10   10.0%
  all                               1.00  100.0%           6
Time is divided equally among the threads or streams that are busy; idle: none is.

longest operations               ms/step   share  calls/step
  conv.1                            0.60   60.0%           2  Conv_0/conv

work of a step                            reached             of the best measured
  arithmetic          0.040 GFLOP       50.0 GFLOP/s    50.0% of 100.0, a large float32 matrix product
  memory traffic      0.008 GB          10.0 GB/s       50.0% of 20.0, a + 2 b of large vectors
  memory held         0.003 GB
  intensity           5.000 FLOP/byte; below 5.0 memory is the limit
As XLA counts: traffic is all that operations read and write, in caches or not.
Loops counted as if each ran once: 2; the true work is more.

trace: {file.parent}
  open its .trace.json.gz at https://ui.perfetto.dev, or: pip install xprof && xprof {tmp_path}"""
    )
