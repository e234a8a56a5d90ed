"""Tiny tasks for `benchmarks/divergence.py` whose training losses start at 0, are negative, or rise.

Each has a number above which its measure means a destroyed model, whatever the training loss said.
The thresholds of the rule were chosen on `TUNING`; `REPORTED` are other models, data and losses.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

STEPS = 150


@dataclass(frozen=True)
class Rates:
    """Sensible and absurd learning rates: of optimizers whose steps have the rate's size, and of SGD."""

    adaptive: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    sgd: tuple[float, ...] = (0.01, 0.03, 0.1)
    absurd_adaptive: float = 1.0
    absurd_sgd: float = 30.0


class Base:
    """What the tasks share; `seed` fixes the task's own data, so that each seed is another problem."""

    measure = "error"
    steps = STEPS
    rates = Rates()
    destroyed = 10.0

    def __init__(self, seed: int = 0) -> None:
        self.name = type(self).__name__
        self.draw = torch.Generator().manual_seed(1000 + seed)
        self.build()

    def build(self) -> None:
        """The task's own data."""

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.draw)

    def batches(self, seed: int) -> Iterator[Any]:
        generator, number = torch.Generator().manual_seed(seed), 0
        while True:
            yield self.batch(generator, number)
            number += 1

    def batch(self, generator: torch.Generator, number: int) -> Any:
        raise NotImplementedError


def mlp(*sizes: int, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for size, after in itertools.pairwise(sizes):
        layers += [nn.Linear(size, after), activation()]
    return nn.Sequential(*layers[:-1])


class WithCopy(nn.Module):
    """A model beside a frozen copy of its start."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.start = net, copy.deepcopy(net).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.net(x)
        return result


class Reversed(torch.autograd.Function):
    """The identity, with the gradient's sign turned round."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return -gradient


def energy_distance(a: Tensor, b: Tensor) -> float:
    """0 for equal distributions; about the distance of those far apart."""
    return float(2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean())


# ---------------------------------------------------------------------------------------------- reported


class Grpo(Base):
    """Policy gradient with ratio 1 and group-normalised advantages, + 0.04 KL to the start: from 0."""

    destroyed = 100.0  # nats away from where it started
    actions = 8

    def build(self) -> None:
        self.best = self.normal(6, self.actions)

    def model(self) -> nn.Module:
        return WithCopy(mlp(6, 24, self.actions))

    def batch(self, generator: torch.Generator, number: int) -> Any:
        x = torch.randn(16, 6, generator=generator)
        return x, torch.rand(16, 8, self.actions, generator=generator)

    def loss(self, model: Any, batch: Any) -> Tensor:
        x, draws = batch
        logs, start = model.net(x).log_softmax(1), model.start(x).log_softmax(1)
        taken = (logs.detach()[:, None] - (-draws.log()).log()).argmax(2)  # Gumbel: drawn from the policy
        reward = (x @ self.best).gather(1, taken)
        advantage = (reward - reward.mean(1, keepdim=True)) / (reward.std(1, keepdim=True) + 1e-4)
        chosen, before = logs.gather(1, taken), start.gather(1, taken)
        ratio, far = (chosen - chosen.detach()).exp(), before - chosen
        return (-ratio * advantage + 0.04 * (far.clamp(max=20).exp() - far - 1)).mean()

    def validate(self, model: Any) -> float:
        x = torch.randn(200, 6, generator=torch.Generator().manual_seed(5))
        logs, start = model.net(x).log_softmax(1), model.start(x).log_softmax(1)
        return float((logs.exp() * (logs - start)).sum(1).mean())


class TdChain(Base):
    """Values of a chain with one reward at its end, bootstrapped from values of 0."""

    states, discount = 20, 0.95
    destroyed = 10.0  # all true values lie in (0, 1]

    def model(self) -> nn.Module:
        net = mlp(self.states, 24, 1, activation=nn.Tanh)
        nn.init.zeros_(net[-1].weight)
        nn.init.zeros_(net[-1].bias)
        return net

    def batch(self, generator: torch.Generator, number: int) -> Any:
        return torch.randint(self.states, (16,), generator=generator)

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        eye = torch.eye(self.states)
        last = batch == self.states - 1
        with torch.no_grad():
            after = model(eye[(batch + 1).clamp(max=self.states - 1)]).squeeze(1)
        target = torch.where(last, 1.0, self.discount * after)
        return F.mse_loss(model(eye[batch]).squeeze(1), target)

    def validate(self, model: nn.Module) -> float:
        true = self.discount ** torch.arange(self.states - 1, -1, -1)
        return float((model(torch.eye(self.states)).squeeze(1) - true).square().mean().sqrt())


class KlToStart(Base):
    """A policy's improvement over its start, less their KL: 0 at first, negative later."""

    destroyed = 100.0

    def build(self) -> None:
        self.reward = self.normal(8, 6)

    def model(self) -> nn.Module:
        return WithCopy(mlp(8, 24, 6))

    def batch(self, generator: torch.Generator, number: int) -> Any:
        return torch.randn(16, 8, generator=generator)

    def loss(self, model: Any, batch: Any) -> Tensor:
        logs, start = model.net(batch).log_softmax(1), model.start(batch).log_softmax(1)
        gain = ((logs.exp() - start.exp()) * (batch @ self.reward)).sum(1)
        return ((logs.exp() * (logs - start)).sum(1) - 0.1 * gain).mean()

    def validate(self, model: Any) -> float:
        return float(self.loss(model, torch.randn(200, 8, generator=torch.Generator().manual_seed(5))))


class CopyDistilled(Base):
    """A student that starts as a copy of its teacher and sees noisier inputs: Adam leads it away."""

    destroyed = 100.0  # the teacher's outputs are about 0.1 to 1

    def model(self) -> nn.Module:
        return WithCopy(mlp(10, 32, 32, 5))

    def batch(self, generator: torch.Generator, number: int) -> Any:
        x = torch.randn(16, 10, generator=generator)
        return x, x + 1e-3 * torch.randn(16, 10, generator=generator)

    def loss(self, model: Any, batch: Any) -> Tensor:
        return F.mse_loss(model.net(batch[1]), model.start(batch[0]))

    def validate(self, model: Any) -> float:
        x = torch.randn(200, 10, generator=torch.Generator().manual_seed(5))
        return self.loss(model, (x, x)).item()


class Vae(Base):
    """Reconstruction + a KL whose weight rises from 0 to 1 over the first half."""

    destroyed = 200.0  # squared error of 12 numbers between -1 and 1
    rates = Rates(sgd=(0.001, 0.003, 0.01))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = mlp(12, 24, 4), mlp(2, 24, 12)

    def build(self) -> None:
        self.mixing = self.normal(2, 12) / 2**0.5

    def model(self) -> nn.Module:
        return self.Net()

    def batch(self, generator: torch.Generator, number: int) -> Any:
        x = (torch.randn(16, 2, generator=generator) @ self.mixing).tanh()
        return x, torch.randn(16, 2, generator=generator), min(1.0, number / (STEPS / 2))

    def loss(self, model: Any, batch: Any) -> Tensor:
        x, noise, weight = batch
        mean, log_variance = model.encoder(x).chunk(2, 1)
        log_variance = log_variance.clamp(-10, 10)
        out = model.decoder(mean + noise * (log_variance / 2).exp())
        kl = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return ((out - x).square().sum(1) + weight * kl).mean()

    def validate(self, model: Any) -> float:
        generator = torch.Generator().manual_seed(5)
        x = (torch.randn(200, 2, generator=generator) @ self.mixing).tanh()
        return float((model.decoder(model.encoder(x)[:, :2]) - x).square().sum(1).mean())


class Adversarial(Base):
    """A generator behind a gradient reversal: the discriminator's loss may rise for good reason."""

    destroyed = 30.0
    rates = Rates(sgd=(0.003, 0.01, 0.03))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generator, self.discriminator = mlp(4, 24, 2), mlp(2, 24, 1)

    def build(self) -> None:
        self.centre = 2 * self.normal(2)

    def model(self) -> nn.Module:
        return self.Net()

    def batch(self, generator: torch.Generator, number: int) -> Any:
        real = self.centre + 0.5 * torch.randn(32, 2, generator=generator)
        return real, torch.randn(32, 4, generator=generator)

    def loss(self, model: Any, batch: Any) -> Tensor:
        fake = Reversed.apply(model.generator(batch[1]))  # type: ignore[no-untyped-call]
        scores = model.discriminator(torch.cat([batch[0], fake])).squeeze(1)
        wanted = torch.cat([torch.ones(32), torch.zeros(32)])
        return F.binary_cross_entropy_with_logits(scores, wanted)

    def validate(self, model: Any) -> float:
        generator = torch.Generator().manual_seed(5)
        real = self.centre + 0.5 * torch.randn(200, 2, generator=generator)
        return energy_distance(real, model.generator(torch.randn(200, 4, generator=generator)))


class GaussianNll(Base):
    """Mean and variance of small targets: the loss goes from about 0 to about -3."""

    destroyed = 10.0  # the targets are smaller than 0.2
    rates = Rates(sgd=(1e-4, 3e-4, 1e-3), absurd_sgd=3.0)

    def build(self) -> None:
        self.weights = self.normal(6, 1) / 6**0.5

    def model(self) -> nn.Module:
        return mlp(6, 24, 2)

    def batch(self, generator: torch.Generator, number: int) -> Any:
        x = torch.randn(16, 6, generator=generator)
        return x, 0.1 * (x @ self.weights).tanh() + 0.02 * torch.randn(16, 1, generator=generator)

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        mean, log_deviation = model(batch[0]).chunk(2, 1)
        log_deviation = log_deviation.clamp(-6, 6)
        return (0.5 * ((mean - batch[1]) / log_deviation.exp()).square() + log_deviation).mean()

    def validate(self, model: nn.Module) -> float:
        x = torch.randn(200, 6, generator=torch.Generator().manual_seed(5))
        return float((model(x)[:, :1] - 0.1 * (x @ self.weights).tanh()).square().mean().sqrt())


class PolicyGradient(Base):
    """REINFORCE with centred rewards: a loss of mean 0 and either sign."""

    destroyed = 100.0  # log-probabilities' largest, in nats

    def build(self) -> None:
        self.best = self.normal(5, 4)

    def model(self) -> nn.Module:
        return mlp(5, 24, 4, activation=nn.Tanh)

    def batch(self, generator: torch.Generator, number: int) -> Any:
        return torch.randn(32, 5, generator=generator), torch.rand(32, 4, generator=generator)

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        logs = model(batch[0]).log_softmax(1)
        taken = (logs.detach() - (-batch[1].log()).log()).argmax(1, keepdim=True)
        reward = (batch[0] @ self.best).gather(1, taken)
        return -(logs.gather(1, taken) * (reward - reward.mean())).mean()

    def validate(self, model: nn.Module) -> float:
        x = torch.randn(200, 5, generator=torch.Generator().manual_seed(5))
        return float(-model(x).log_softmax(1).mean()) / 10  # how far it is from any doubt


class LeastSquares(Base):
    """All rows in each batch, weights from 0, condition number about 100."""

    destroyed = 10.0  # the loss of predicting nothing is about 1
    rates = Rates(adaptive=(0.01, 0.03, 0.1), sgd=(0.03, 0.1, 0.3), absurd_sgd=30.0)

    def build(self) -> None:
        self.x = self.normal(64, 10) * torch.logspace(0, -1, 10)
        target = self.x @ self.normal(10, 1)
        self.y = target / target.std()

    def model(self) -> nn.Module:
        net = nn.Linear(10, 1, bias=False)
        nn.init.zeros_(net.weight)
        return net

    def batch(self, generator: torch.Generator, number: int) -> Any:
        return self.x, self.y

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        return F.mse_loss(model(batch[0]), batch[1])

    def validate(self, model: nn.Module) -> float:
        return self.loss(model, (self.x, self.y)).item()


class BadBatches(Base):
    """A classifier of which one batch in 25 has inputs a hundred times too large and random labels."""

    destroyed = 50.0  # chance is log 6, about 1.8
    rates = Rates(sgd=(0.0003, 0.001, 0.003))
    bad = 25

    def build(self) -> None:
        self.weights = self.normal(12, 6)

    def model(self) -> nn.Module:
        return mlp(12, 32, 6)

    def batch(self, generator: torch.Generator, number: int) -> Any:
        x = torch.randn(16, 12, generator=generator)
        y = (x @ self.weights).argmax(1)
        if self.bad and number % self.bad == 3:
            return 100 * x, torch.randint(6, (16,), generator=generator)
        return x, y

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        return F.cross_entropy(model(batch[0]), batch[1])

    def validate(self, model: nn.Module) -> float:
        x = torch.randn(200, 12, generator=torch.Generator().manual_seed(5))
        return self.loss(model, (x, (x @ self.weights).argmax(1))).item()


REPORTED: tuple[type[Base], ...] = (
    Grpo, TdChain, KlToStart, CopyDistilled, Vae, Adversarial, GaussianNll, PolicyGradient, LeastSquares,
    BadBatches,
)  # fmt: skip


class Classifier(BadBatches):
    """The same without bad batches: what a hundred times the best learning rate does must be found."""

    rates = Rates(absurd_adaptive=0.3, absurd_sgd=30.0)
    bad = 0


class Regression(Base):
    """A small net on a smooth function of variance about 1."""

    destroyed = 10.0
    rates = Rates(absurd_adaptive=0.3, absurd_sgd=10.0)

    def model(self) -> nn.Module:
        return mlp(4, 32, 32, 1)

    def build(self) -> None:
        self.weights = self.normal(4, 1)

    def batch(self, generator: torch.Generator, number: int) -> Any:
        x = torch.randn(16, 4, generator=generator)
        return x, 1.4 * (x @ self.weights).sin()

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        return F.mse_loss(model(batch[0]), batch[1])

    def validate(self, model: nn.Module) -> float:
        x = torch.randn(200, 4, generator=torch.Generator().manual_seed(5))
        return self.loss(model, (x, 1.4 * (x @ self.weights).sin())).item()


PLAIN: tuple[type[Base], ...] = (Classifier, Regression)


# ------------------------------------------------------------------------------------------------ tuning


class Wasserstein(Base):
    """A critic's score difference, which starts near 0 and has no bounds; its squares alone hold it."""

    destroyed = 100.0
    rates = Rates(adaptive=(3e-4, 1e-3, 3e-3), sgd=(1e-4, 3e-4, 1e-3))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generator, self.critic = mlp(3, 16, 16, 3), mlp(3, 32, 1, activation=nn.SiLU)

    def model(self) -> nn.Module:
        return self.Net()

    def batch(self, generator: torch.Generator, number: int) -> Any:
        real = 1 + torch.randn(24, 3, generator=generator)
        return real, torch.randn(24, 3, generator=generator)

    def loss(self, model: Any, batch: Any) -> Tensor:
        fake = Reversed.apply(model.generator(batch[1]))  # type: ignore[no-untyped-call]
        scores = model.critic(fake), model.critic(batch[0])
        return scores[0].mean() - scores[1].mean() + 0.01 * (scores[0] ** 2 + scores[1] ** 2).mean()

    def validate(self, model: Any) -> float:
        generator = torch.Generator().manual_seed(5)
        real = 1 + torch.randn(200, 3, generator=generator)
        return energy_distance(real, model.generator(torch.randn(200, 3, generator=generator)))


class QLearning(Base):
    """Action values of a small grid with rewards of 1 to 10, by a linear layer from 0."""

    destroyed = 1000.0

    def build(self) -> None:
        self.features = self.normal(25, 12)
        self.rewards = 1 + 9 * torch.rand(25, generator=self.draw)
        self.next = torch.randint(25, (25, 3), generator=self.draw)

    def model(self) -> nn.Module:
        net = mlp(12, 32, 3)
        nn.init.zeros_(net[-1].weight)
        return net

    def batch(self, generator: torch.Generator, number: int) -> Any:
        return torch.randint(25, (32,), generator=generator), torch.randint(3, (32,), generator=generator)

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        state, action = batch
        after = self.next[state, action]
        with torch.no_grad():
            target = self.rewards[after] * (after == 7) + 0.9 * model(self.features[after]).amax(1)
        return F.smooth_l1_loss(model(self.features[state])[range(32), action], target)

    def validate(self, model: nn.Module) -> float:
        return float(model(self.features).abs().mean())


class Preference(Base):
    """DPO without its constant: the log-odds of preferred over rejected, against a frozen copy."""

    destroyed = 1000.0

    def build(self) -> None:
        self.taste = self.normal(6, 10)

    def model(self) -> nn.Module:
        return WithCopy(mlp(6, 32, 32, 10, activation=nn.SiLU))

    def batch(self, generator: torch.Generator, number: int) -> Any:
        x = torch.randn(8, 6, generator=generator)
        pair = torch.rand(8, 10, generator=generator).topk(2).indices
        liked = (x @ self.taste).gather(1, pair)
        return x, pair.gather(1, liked.argsort(1, descending=True))

    def loss(self, model: Any, batch: Any) -> Tensor:
        x, pair = batch
        far = (model.net(x).log_softmax(1) - model.start(x).log_softmax(1)).gather(1, pair)
        return -F.logsigmoid(0.1 * (far[:, 0] - far[:, 1])).mean() - 0.6931472 + 0.02 * far.square().mean()

    def validate(self, model: Any) -> float:
        x = torch.randn(200, 6, generator=torch.Generator().manual_seed(5))
        return float((model.net(x) - model.start(x)).square().mean())


class Consistency(Base):
    """A convolutional student that starts as its teacher's copy, with dropout and a nearly silent loss."""

    destroyed = 100.0

    def model(self) -> nn.Module:
        net = nn.Sequential(nn.Conv1d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(60, 16), nn.ReLU())
        return WithCopy(nn.Sequential(net, nn.Dropout(0.001), nn.Linear(16, 4)))

    def batch(self, generator: torch.Generator, number: int) -> Any:
        return torch.randn(16, 1, 12, generator=generator)

    def loss(self, model: Any, batch: Any) -> Tensor:
        model.start.eval()
        wanted = model.start(batch).log_softmax(1)
        return F.kl_div(model.net(batch).log_softmax(1), wanted, reduction="batchmean", log_target=True)

    def validate(self, model: Any) -> float:
        x = torch.randn(100, 1, 12, generator=torch.Generator().manual_seed(5))
        return self.loss(model, x).item()


class NormedClassifier(Base):
    """Three layers with batch normalisation."""

    destroyed = 30.0
    rates = Rates(adaptive=(1e-3, 3e-3, 1e-2), sgd=(0.03, 0.1, 0.3), absurd_adaptive=1.0, absurd_sgd=100.0)

    def build(self) -> None:
        self.centres = self.normal(4, 9)

    def model(self) -> nn.Module:
        first = nn.Sequential(nn.Linear(9, 24), nn.BatchNorm1d(24), nn.ReLU())
        return nn.Sequential(first, nn.Linear(24, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 4))

    def batch(self, generator: torch.Generator, number: int) -> Any:
        y = torch.randint(4, (16,), generator=generator)
        return self.centres[y] + torch.randn(16, 9, generator=generator), y

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        return F.cross_entropy(model(batch[0]), batch[1])

    def validate(self, model: nn.Module) -> float:
        return self.loss(model, self.batch(torch.Generator().manual_seed(5), 0)).item()


class TinyLanguage(Base):
    """Next symbols by an embedding of deviation 1, attention and a head."""

    destroyed = 50.0
    rates = Rates(absurd_adaptive=0.3, absurd_sgd=100.0)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(12, 16)
            self.mixer = nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True)
            self.head = nn.Linear(16, 12)

        def forward(self, x: Tensor) -> Tensor:
            mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
            result: Tensor = self.head(self.mixer(self.embedding(x), src_mask=mask, is_causal=True))
            return result

    def build(self) -> None:
        self.after = torch.randint(12, (12, 2), generator=self.draw)

    def model(self) -> nn.Module:
        return self.Net()

    def batch(self, generator: torch.Generator, number: int) -> Any:
        text = [torch.randint(12, (8,), generator=generator)]
        for _ in range(10):
            turn = torch.randint(2, (8,), generator=generator)
            text.append(self.after[text[-1], turn])
        return torch.stack(text, 1)

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())

    def validate(self, model: nn.Module) -> float:
        return self.loss(model, self.batch(torch.Generator().manual_seed(5), 0)).item()


class HeavyTails(Base):
    """Regression whose noise is Cauchy's: single batches of a thousand times the usual loss."""

    destroyed = 1000.0
    rates = Rates(sgd=(1e-4, 3e-4, 1e-3), absurd_sgd=3.0)

    def model(self) -> nn.Module:
        return mlp(5, 32, 1)

    def batch(self, generator: torch.Generator, number: int) -> Any:
        x = torch.randn(32, 5, generator=generator)
        noise = torch.tan(3.14159 * (torch.rand(32, 1, generator=generator) - 0.5)).clamp(-300, 300)
        return x, x.sum(1, keepdim=True) + 0.1 * noise

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        return F.mse_loss(model(batch[0]), batch[1])

    def validate(self, model: nn.Module) -> float:
        x = torch.randn(200, 5, generator=torch.Generator().manual_seed(5))
        return self.loss(model, (x, x.sum(1, keepdim=True))).item()


class GaussianPolicy(Base):
    """Policy gradient over real actions: the log-density has no bound, and the loss no sign."""

    destroyed = 100.0
    rates = Rates(sgd=(0.001, 0.003, 0.01))

    def build(self) -> None:
        self.goal = self.normal(4, 2)

    def model(self) -> nn.Module:
        return mlp(4, 32, 2, activation=nn.Tanh)

    def batch(self, generator: torch.Generator, number: int) -> Any:
        return torch.randn(32, 4, generator=generator), torch.randn(32, 2, generator=generator)

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        mean = model(batch[0])
        action = mean.detach() + 0.3 * batch[1]
        reward = -(action - batch[0] @ self.goal).square().sum(1)
        advantage = (reward - reward.mean()) / (reward.std() + 1e-6)
        return (0.5 * ((action - mean) / 0.3).square().sum(1) * advantage).mean()

    def validate(self, model: nn.Module) -> float:
        x = torch.randn(200, 4, generator=torch.Generator().manual_seed(5))
        return float((model(x) - x @ self.goal).square().mean().sqrt())


class DeepClassifier(Base):
    """Five plain layers."""

    destroyed = 50.0
    rates = Rates(adaptive=(3e-4, 1e-3, 3e-3), sgd=(0.01, 0.03, 0.1), absurd_adaptive=0.2, absurd_sgd=10.0)

    def build(self) -> None:
        self.centres = self.normal(8, 20)

    def model(self) -> nn.Module:
        return mlp(20, 48, 48, 48, 48, 8)

    def batch(self, generator: torch.Generator, number: int) -> Any:
        y = torch.randint(8, (24,), generator=generator)
        return self.centres[y] + 2 * torch.randn(24, 20, generator=generator), y

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        return F.cross_entropy(model(batch[0]), batch[1])

    def validate(self, model: nn.Module) -> float:
        return self.loss(model, self.batch(torch.Generator().manual_seed(5), 0)).item()


class WideClassifier(DeepClassifier):
    """One wide hidden layer."""

    def model(self) -> nn.Module:
        return mlp(20, 200, 8, activation=nn.Tanh)


TUNING: tuple[type[Base], ...] = (
    Wasserstein, QLearning, Preference, Consistency, NormedClassifier, TinyLanguage, HeavyTails,
    GaussianPolicy, DeepClassifier, WideClassifier,
)  # fmt: skip
