#!/usr/bin/env python3
"""Check what docs/adr/0009-room-for-prompts.md says of MONAI 1.4.0's VISTA3D.

Usage: vista3d_stages.py    (in the environment of venv.sh)

Both heads are written once more with the operations that engine/nn has (and sine
and cosine): prompts are float32 tensors, looking up is a product with a one-hot
matrix, and objects are an axis that broadcasts. With random weights they must
agree with MONAI's. Then the cost of each stage is counted, by PyTorch's counter,
for 128x128x128 voxels (the point head's from 64x64x64, times 8). Exits with 1
when a head differs.
"""

import math
import sys

import torch
import torch.nn.functional as F
from monai.networks.nets.vista3d import ClassMappingClassify, PointMappingSAM, vista3d132
from torch.utils.flop_counter import FlopCounterMode

WIDTH, CLASSES, SUPPORTED = 48, 512, 132


def encode_class(head, features):
    """The part of the class head that sees no class."""
    return head.image_post_mapping(features)


def decode_class(head, features, classes):
    """features (1, C, X, Y, Z), classes one-hot (B, 512): logits (1, B, X, Y, Z)."""
    first, _, _, last = head.mlp
    # InstanceNorm1d(1) of (B, 1, C) is a layer norm without weights.
    e = last(F.gelu(F.layer_norm(first(classes @ head.class_embeddings.weight), (WIDTH,))))
    return (e @ features.flatten(2)).reshape(1, -1, *features.shape[2:])


def encode_points(head, features):
    """The part of the point head that sees no point."""
    return head.feat_downsample(features)


def positions(head, x):
    """Coordinates from 0 to 1 by random frequencies."""
    x = (2 * x - 1) @ head.pe_layer.positional_encoding_gaussian_matrix * (2 * math.pi)
    return torch.cat([x.sin(), x.cos()], -1)


def attend(layer, q, k, v):
    """Attention whose batch axes broadcast: 1 image, B objects."""
    def heads(x):
        return x.reshape(x.shape[0], x.shape[1], layer.num_heads, -1).permute(0, 2, 1, 3)

    q, k, v = heads(layer.q_proj(q)), heads(layer.k_proj(k)), heads(layer.v_proj(v))
    x = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v
    return layer.out_proj(x.permute(0, 2, 1, 3).flatten(2))


def decode_points(head, low, points, labels, novel):
    """low (1, C, x, y, z) at half the size, points (B, N, 3) in voxels, labels
    one-hot of -1 to 3 (B, N, 5), novel (B, 1): logits (1, B, 2x, 2y, 2z)."""
    size = low.shape[2:]
    negative, positive = (e.weight for e in head.point_embeddings)
    special = head.special_class_embed.weight
    table = torch.cat([head.not_a_point_embed.weight, negative, positive, negative + special, positive + special])
    known = labels @ torch.tensor([[0.0], [1], [1], [1], [1]])
    p = positions(head, (points + 0.5) / torch.tensor([2.0 * n for n in size])) * known + labels @ table
    nothing, novel = p[:, :1] * 0, novel.unsqueeze(-1)
    kind = novel * head.zeroshot_embed.weight + (1 - novel) * head.supported_embed.weight
    tokens = torch.cat([nothing + head.mask_tokens.weight, p, nothing + kind], 1)
    grid = torch.meshgrid(*[(torch.arange(n) + 0.5) / n for n in size], indexing="ij")
    place = positions(head, torch.stack(grid, -1)).reshape(1, -1, WIDTH)
    keys, q, t = low.flatten(2).permute(0, 2, 1), tokens, head.transformer
    for i, layer in enumerate(t.layers):
        q = attend(layer.self_attn, q, q, q) if i == 0 else q + attend(layer.self_attn, q + tokens, q + tokens, q)
        q = layer.norm1(q)
        q = layer.norm2(q + attend(layer.cross_attn_token_to_image, q + tokens, keys + place, keys))
        q = layer.norm3(q + layer.mlp.linear2(F.relu(layer.mlp.linear1(q))))
        keys = layer.norm4(keys + attend(layer.cross_attn_image_to_token, keys + place, q + tokens, q))
    q = t.norm_final_attn(q + attend(t.final_attn_token_to_image, q + tokens, keys + place, keys))
    x = head.output_upscaling(keys.transpose(1, 2).reshape(-1, WIDTH, *size))
    return (head.output_hypernetworks_mlps(q[:, :1]) @ x.flatten(2)).reshape(1, -1, *x.shape[2:])


def agree():
    classes = torch.tensor([[3], [40], [131]])
    head = ClassMappingClassify(CLASSES, WIDTH, use_mlp=True).eval()
    features = torch.randn(1, WIDTH, 16, 24, 8)
    want = head(features, classes)[0].transpose(0, 1)
    got = decode_class(head, encode_class(head, features), F.one_hot(classes[:, 0], CLASSES).float())
    worst = float((got - want).abs().max() / want.abs().max())
    print(f"class head: {worst:.2g} of the largest logit")
    head = PointMappingSAM(WIDTH, n_classes=CLASSES, last_supported=SUPPORTED).eval()
    points, labels = torch.rand(3, 5, 3) * torch.tensor([15.0, 23, 7]), torch.randint(-1, 4, (3, 5))
    which = torch.tensor([5, 200, 7])
    want = head(features, points, labels, class_vector=which).transpose(0, 1)
    got = decode_points(head, encode_points(head, features), points, F.one_hot(labels + 1, 5).float(),
                        (which > SUPPORTED).float().unsqueeze(-1))
    error = float((got - want).abs().max() / want.abs().max())
    print(f"point head: {error:.2g} of the largest logit")
    return max(worst, error) <= 1e-6


def flops(body):
    with FlopCounterMode(display=False) as counter:
        body()
    return counter.get_total_flops() / 1e12


def count():
    with torch.device("meta"):
        model = vista3d132().eval()
        image, features = torch.empty(1, 1, 128, 128, 128), torch.empty(1, WIDTH, 128, 128, 128)
        both = flops(lambda: model.image_encoder(image, True, True))
        one = flops(lambda: model.image_encoder(image, True, False))
        mapped = flops(lambda: encode_class(model.class_head, features))
        per_class = flops(lambda: decode_class(model.class_head, features, torch.empty(1, CLASSES)))
    head, small = PointMappingSAM(WIDTH, n_classes=CLASSES, last_supported=SUPPORTED).eval(), torch.zeros(1, WIDTH, 64, 64, 64)
    low = 8 * flops(lambda: encode_points(head, small))
    objects = [8 * flops(lambda: head(small, torch.zeros(b, 3, 3), torch.ones(b, 3).long())) for b in (1, 2)]
    print(f"TFLOPs at 128x128x128: trunk {2 * one - both:.3f}, either decoder {both - one:.3f}, "
          f"class features {mapped:.3f} and a class {per_class:.4f}, point features {low:.3f} and an object {objects[1] - objects[0]:.3f}")


if __name__ == "__main__":
    torch.manual_seed(0)
    with torch.no_grad():
        fine = agree()
        count()
    sys.exit(0 if fine else 1)
