# SPDX-License-Identifier: MIT
"""Times the full-size LIFT network in PyTorch; prints one JSON object. In float32 on all cores, unless
--device, --autocast or --compile say otherwise.

Actions, for a batch of images (default 8):
  check           compares outputs, samples and derivatives with tests/golden
  accuracy        how far outputs are from those of tests/golden
  forward         an evaluation without gradients
  training_step   forward, backward, clipping and AdamW
  training_steps  three of them, for the memory they take
  generate        18 DDIM steps along the diagonal
  heatmap_point   products of 4 probes of each scale with that scale's Jacobian
"""
import argparse
import os

import torch
from torch import nn
from torch.nn import functional

import golden
import lift_unet
from timing import measure, report

STEPS, PROBES = 18, 4


def compiled(net, device, mode):
    if device == "cpu":
        from torch._inductor import config
        config.freezing = True  # where no gradients are taken, kernels are packed once
    return torch.compile(net, mode=None if mode == "default" else mode)


class Case:
    """A network and its inputs in a memory format."""

    def __init__(self, options):
        torch.manual_seed(1)
        batch, layout = options.batch, getattr(torch, options.format)
        self.seconds, self.turns, self.lock = options.seconds, options.turns, options.lock
        self.device, self.autocast = options.device, options.autocast
        self.compiled = options.compile
        self.net = lift_unet.LiftUnet().to(self.device, memory_format=layout)
        self.evaluate = self.net
        if options.compile:
            self.evaluate = compiled(self.net, self.device, options.compile)
        self.fine, self.coarse = (
            torch.randn(batch, 3, size, size).to(self.device, memory_format=layout)
            for size in (64, 32))
        self.times = tuple(torch.tensor([t] * batch, device=self.device) for t in (500, 300))

    def __call__(self, *inputs):
        if self.compiled and self.device == "cuda":
            torch.compiler.cudagraph_mark_step_begin()  # what the last call gave is not kept
        with torch.autocast(self.device, torch.bfloat16, enabled=self.autocast):
            return self.evaluate(*inputs)

    def outputs(self):
        return self(self.fine, self.coarse, *self.times)

    def measure(self, work, warm_up=None):
        """Median seconds of work() and of what it left the device to do, and the device's memory."""
        def waited():
            work()
            if self.device == "cuda":
                torch.cuda.synchronize()

        # A device prepares what it has not done before: it warms up with the work itself.
        found = measure(waited, self.seconds, None if self.device == "cuda" else warm_up,
                        self.turns, self.lock)
        if self.device == "cuda":
            found["memory"] = torch.cuda.max_memory_reserved()
        return found


def adamw(parameters):
    try:
        return torch.optim.AdamW(parameters, 1e-4, weight_decay=0.01, fused=True)
    except (TypeError, RuntimeError):  # an older PyTorch
        return torch.optim.AdamW(parameters, 1e-4, weight_decay=0.01)


def stepping(case):
    """A function that trains one step."""
    optimiser = adamw(case.net.parameters())

    def step():
        optimiser.zero_grad(set_to_none=True)
        fine, coarse = case.outputs()
        loss = (functional.mse_loss(fine.float(), case.fine)
                + functional.mse_loss(coarse.float(), case.coarse))
        loss.backward()
        nn.utils.clip_grad_norm_(case.net.parameters(), 1)
        optimiser.step()

    return step


def forward(case):
    with torch.no_grad():
        return case.measure(case.outputs)


def training_step(case):
    return case.measure(stepping(case))


def training_steps(case):
    step = stepping(case)
    for _ in range(3):
        step()
    return {}


def generate(case):
    path = [(t, t) for t in lift_unet.diagonal(STEPS)]
    with torch.no_grad():
        return case.measure(lambda: lift_unet.sample(case, case.fine, case.coarse, path),
                            warm_up=case.outputs)


def heatmap_point(case):
    if lift_unet.jvp is None:
        return {"cannot": f"PyTorch {torch.__version__} has neither torch.func nor functorch"}
    if case.compiled:
        return {"cannot": "torch.compile does not take torch.func.jvp"}
    lift_unet.without_fused_attention(case.net).requires_grad_(False)

    def squared_norm(f, x):
        probes = 2.0 * torch.randint(0, 2, (PROBES, *x.shape), device=x.device) - 1
        return lift_unet.jacobian_products(f, x, probes).square().sum((2, 3, 4)).mean()

    def point():
        squared_norm(lambda x: case(x, case.coarse, *case.times)[0], case.fine)
        squared_norm(lambda x: case(case.fine, x, *case.times)[1], case.coarse)

    return case.measure(point, warm_up=case.outputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = {f.__name__: f for f in (forward, training_step, training_steps, generate,
                                       heatmap_point)}
    parser.add_argument("action", choices=["check", "accuracy", *actions])
    parser.add_argument("batch", type=int, nargs="?", default=8)
    parser.add_argument("--format", choices=["contiguous_format", "channels_last"],
                        default="contiguous_format", help="how images lie in memory")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--autocast", action="store_true", help="products in bfloat16")
    parser.add_argument("--tf32", action="store_true", help="products of float32 in TF32 on a device")
    parser.add_argument("--compile", choices=["default", "reduce-overhead"], nargs="?", const="default",
                        help="torch.compile the network, in a mode")
    parser.add_argument("--seconds", type=float, default=1, help="least time to measure for")
    parser.add_argument("--turns", type=int, default=1, help="how often it is measured")
    parser.add_argument("--lock", help="a file; who measures has it locked")
    options = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    if options.tf32:
        torch.set_float32_matmul_precision("high")
    if options.action == "check":
        report(golden.check())
    elif options.action == "accuracy":
        report(golden.accuracy(options.autocast))
    else:
        report(actions[options.action](Case(options)))


if __name__ == "__main__":
    main()
