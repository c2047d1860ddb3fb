# SPDX-License-Identifier: MIT
"""The LIFT network and its sampler in PyTorch, and its Jacobian's products with many directions."""
import math

import torch
from torch import nn
from torch.nn import functional

try:
    from torch.func import jvp, vmap
except ImportError:
    try:
        from functorch import jvp, vmap  # before PyTorch 2
    except ImportError:
        jvp = vmap = None


class Residual(nn.Module):
    def __init__(self, channels, out, width):
        super().__init__()
        self.time_mlp = nn.Linear(width, out)
        self.norm1, self.conv1 = nn.GroupNorm(8, channels), nn.Conv2d(channels, out, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(8, out), nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x, t):
        h = self.conv1(functional.silu(self.norm1(x)))
        h = h + self.time_mlp(functional.silu(t))[:, :, None, None]
        return self.conv2(functional.silu(self.norm2(h))) + self.shortcut(x)


class Attention(nn.Module):
    def __init__(self, channels, heads=4):
        super().__init__()
        self.heads = heads
        self.fused = hasattr(functional, "scaled_dot_product_attention")
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x, t):
        b, c, height, width = x.shape
        qkv = self.qkv(self.norm(x)).view(b, 3, self.heads, c // self.heads, height * width)
        if self.fused:
            q, k, v = qkv.transpose(-1, -2).unbind(1)  # (B, heads, pixels, depth)
            if x.is_cuda and q.stride(-1) != 1:  # the device's fused kernels want depth last
                q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
            y = functional.scaled_dot_product_attention(q, k, v).transpose(-1, -2)
        else:
            q, k, v = qkv.unbind(1)  # (B, heads, depth, pixels)
            scores = q.transpose(-1, -2) @ k * (c // self.heads) ** -0.5
            y = v @ scores.softmax(-1).transpose(-1, -2)
        return x + self.proj(y.reshape(b, c, height, width))


class LiftUnet(nn.Module):
    def __init__(self, dims=(64, 128, 256, 512), channels=3):
        super().__init__()
        self.channels, self.first = channels, dims[0]
        width = 4 * dims[0]
        mlp = lambda inputs: [nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width)]
        self.time_mlp = nn.Sequential(nn.Identity(), *mlp(dims[0]))
        self.time_combine = nn.Sequential(*mlp(2 * width))

        def level(inputs, out):
            blocks = [Residual(inputs, out, width), Residual(out, out, width)]
            return nn.ModuleList(blocks + ([Attention(out)] if out >= 128 else []))

        self.init_conv = nn.Conv2d(2 * channels, dims[0], 3, padding=1)
        self.encoder_blocks = nn.ModuleList(map(level, (dims[0], *dims), dims))
        self.downsample = nn.ModuleList(nn.Conv2d(d, d, 4, 2, 1) for d in dims)
        deepest = dims[-1]
        self.bottleneck = nn.ModuleList([Residual(deepest, deepest, width), Attention(deepest),
                                         Residual(deepest, deepest, width)])
        up, below = dims[::-1], (deepest, *dims[::-1])
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(d, d, 4, 2, 1) for d in below[:-1])
        self.decoder_blocks = nn.ModuleList(level(b + d, d) for b, d in zip(below, up))
        self.final_conv = nn.Sequential(nn.GroupNorm(8, dims[0]), nn.SiLU(),
                                        nn.Conv2d(dims[0], 2 * channels, 3, padding=1))

    def embedding(self, t):
        half = self.first // 2
        rates = torch.exp(torch.arange(half, device=t.device) * (-math.log(10000) / (half - 1)))
        angles = t.float()[:, None] * rates
        return self.time_mlp(torch.cat([angles.sin(), angles.cos()], 1))

    def forward(self, fine, coarse, t_fine, t_coarse):
        t = self.time_combine(torch.cat([self.embedding(t_fine), self.embedding(t_coarse)], 1))
        refined = functional.interpolate(coarse, scale_factor=2, mode="bilinear",
                                         align_corners=False)
        h, skips = self.init_conv(torch.cat([fine, refined], 1)), []
        for blocks, down in zip(self.encoder_blocks, self.downsample):
            for block in blocks:
                h = block(h, t)
            skips.append(h)
            h = down(h)
        for block in self.bottleneck:
            h = block(h, t)
        for up, blocks in zip(self.upsample, self.decoder_blocks):
            h = torch.cat([up(h), skips.pop()], 1)
            for block in blocks:
                h = block(h, t)
        y = self.final_conv(h)
        return y[:, :self.channels], functional.avg_pool2d(y[:, self.channels:], 2)


def alpha_bars(count=1000):
    """The cosine schedule with beta kept within 1e-4 ... 0.02."""
    angles = (torch.arange(count + 1, dtype=torch.float64) / count + 0.008) / 1.008 * math.pi / 2
    power = angles.cos() ** 2
    return (1 - (1 - power[1:] / power[:-1]).clamp(1e-4, 0.02)).cumprod(0).tolist()


def diagonal(steps, count=1000):
    """Timesteps of both scales, evenly spaced, from count - 1 down."""
    return [(2 * count * left + steps) // (2 * steps) - 1 for left in range(steps, 0, -1)]


def ddim_step(x, noise, power, next_power):
    clean = ((x - math.sqrt(1 - power) * noise) / math.sqrt(power)).clamp(-1, 1)
    a = math.sqrt((1 - next_power) / (1 - power))
    return a * x + (math.sqrt(next_power) - a * math.sqrt(power)) * clean


def sample(net, fine, coarse, path, last=1.0):
    """Images from unit noise by DDIM along pairs of timesteps; ends at the signal power `last`."""
    table = alpha_bars()
    for step, times in enumerate(path):
        following = [table[t] for t in path[step + 1]] if step + 1 < len(path) else [last, last]
        t_fine, t_coarse = (torch.full((len(fine),), t, device=fine.device) for t in times)
        noise_fine, noise_coarse = net(fine, coarse, t_fine, t_coarse)
        fine = ddim_step(fine, noise_fine, table[times[0]], following[0])
        coarse = ddim_step(coarse, noise_coarse, table[times[1]], following[1])
    return fine, coarse


def jacobian_products(f, x, directions):
    """J u of f at x for every u in directions. The network's attention must not be fused."""
    return vmap(lambda u: jvp(f, (x,), (u,))[1])(directions)


def without_fused_attention(net):
    """The network itself, in a form that has a forward-mode derivative."""
    for module in net.modules():
        if isinstance(module, Attention):
            module.fused = False
    return net
