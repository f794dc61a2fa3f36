import torch
import torch.nn as nn


class MatrixFactorization(nn.Module):
    def __init__(self, n_users=100, n_items=200, n_factors=20):
        super().__init__()
        self.user_factors = nn.Embedding(n_users, n_factors)
        self.item_factors = nn.Embedding(n_items, n_factors)
        self.user_biases = nn.Embedding(n_users, 1)
        self.item_biases = nn.Embedding(n_items, 1)

    def forward(self, user, item):
        pred = self.user_biases(user) + self.item_biases(item)
        pred = pred + (self.user_factors(user) * self.item_factors(item)).sum(1)
        return pred
