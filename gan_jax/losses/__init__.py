"""Losses: pairs of pure, element-wise functions of a discriminator's logits, and further terms.

An adversarial loss is a pair; the rest are functions that a step adds to either player. None
reduces over the batch: the mean is the caller's.
"""

from .adversarial import (
    AdversarialLoss,
    hinge,
    hinge_discriminator_loss,
    hinge_generator_loss,
    least_squares,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    minimax,
    minimax_discriminator_loss,
    minimax_generator_loss,
    non_saturating,
    non_saturating_generator_loss,
    wasserstein,
    wasserstein_discriminator_loss,
    wasserstein_generator_loss,
)
from .classification import (
    auxiliary_classification_loss,
    multi_hinge_loss,
    twin_auxiliary_classification_loss,
)
from .contrastive import (
    conditional_contrastive_loss,
    data_to_data_cross_entropy_loss,
)
from .energy import (
    began,
    began_balance,
    began_convergence,
    ebgan,
    pull_away_loss,
)
from .f_gan import (
    FDivergence,
    f_gan,
    jensen_shannon,
    kullback_leibler,
    neyman,
    pearson,
    reverse_kullback_leibler,
    squared_hellinger,
    total_variation,
)
from .information import (
    categorical_information_loss,
    gaussian_information_loss,
)
from .matching_aware import (
    matching_aware,
    matching_aware_discriminator_loss,
    matching_aware_generator_loss,
)
from .perceptual import perceptual_loss, style_loss
from .reconstruction import (
    charbonnier_loss,
    cycle_consistency_loss,
    feature_matching_loss,
    identity_loss,
    l1_loss,
    l2_loss,
)
from .relativistic import (
    relativistic,
    relativistic_average,
    relativistic_average_discriminator_loss,
    relativistic_average_generator_loss,
    relativistic_average_hinge,
    relativistic_average_hinge_discriminator_loss,
    relativistic_average_hinge_generator_loss,
    relativistic_average_least_squares,
    relativistic_average_least_squares_discriminator_loss,
    relativistic_average_least_squares_generator_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from .wrappers import (
    one_sided_label_smoothing,
    top_k,
    weighted_generator,
)

__all__ = [
    "AdversarialLoss",
    "FDivergence",
    "auxiliary_classification_loss",
    "began",
    "began_balance",
    "began_convergence",
    "categorical_information_loss",
    "charbonnier_loss",
    "conditional_contrastive_loss",
    "cycle_consistency_loss",
    "data_to_data_cross_entropy_loss",
    "ebgan",
    "f_gan",
    "feature_matching_loss",
    "gaussian_information_loss",
    "hinge",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "identity_loss",
    "jensen_shannon",
    "kullback_leibler",
    "l1_loss",
    "l2_loss",
    "least_squares",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "matching_aware",
    "matching_aware_discriminator_loss",
    "matching_aware_generator_loss",
    "minimax",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "multi_hinge_loss",
    "neyman",
    "non_saturating",
    "non_saturating_generator_loss",
    "one_sided_label_smoothing",
    "pearson",
    "perceptual_loss",
    "pull_away_loss",
    "relativistic",
    "relativistic_average",
    "relativistic_average_discriminator_loss",
    "relativistic_average_generator_loss",
    "relativistic_average_hinge",
    "relativistic_average_hinge_discriminator_loss",
    "relativistic_average_hinge_generator_loss",
    "relativistic_average_least_squares",
    "relativistic_average_least_squares_discriminator_loss",
    "relativistic_average_least_squares_generator_loss",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "reverse_kullback_leibler",
    "squared_hellinger",
    "style_loss",
    "top_k",
    "total_variation",
    "twin_auxiliary_classification_loss",
    "wasserstein",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
    "weighted_generator",
]
