import torch
import torch.nn as nn
import torch.nn.functional as F


class CVAE(nn.Module):
    def __init__(self, feature_size=784, latent_size=20, class_size=10):
        super(CVAE, self).__init__()
        self.feature_size = feature_size
        self.class_size = class_size
        self.fc1 = nn.Linear(feature_size + class_size, 400)
        self.fc21 = nn.Linear(400, latent_size)
        self.fc22 = nn.Linear(400, latent_size)
        self.fc3 = nn.Linear(latent_size + class_size, 400)
        self.fc4 = nn.Linear(400, feature_size)

    def forward(self, x, c):
        h1 = F.elu(self.fc1(torch.cat([x, c], 1)))
        mu, logvar = self.fc21(h1), self.fc22(h1)
        z = mu + torch.exp(0.5 * logvar)
        h3 = F.elu(self.fc3(torch.cat([z, c], 1)))
        return torch.sigmoid(self.fc4(h3)), mu, logvar
