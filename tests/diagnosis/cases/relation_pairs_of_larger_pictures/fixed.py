import torch
import torch.nn as nn
import torch.nn.functional as F

FEATURE_DIM = 64


class CNNEncoder(nn.Module):
    def __init__(self):
        super(CNNEncoder, self).__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(3, 64, kernel_size=3, padding=0), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2))
        self.layer2 = nn.Sequential(nn.Conv2d(64, 64, kernel_size=3, padding=0), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2))

    def forward(self, x):
        return self.layer2(self.layer1(x))


class RelationNetwork(nn.Module):
    def __init__(self, input_size=64, hidden_size=8):
        super(RelationNetwork, self).__init__()
        self.encoder = CNNEncoder()
        self.layer1 = nn.Sequential(nn.Conv2d(128, 64, kernel_size=3), nn.ReLU(), nn.MaxPool2d(2))
        self.layer2 = nn.Sequential(nn.Conv2d(64, 64, kernel_size=3), nn.ReLU(), nn.MaxPool2d(2))
        self.fc1 = nn.Linear(input_size * 5 * 5, hidden_size)
        self.fc2 = nn.Linear(hidden_size, 1)

    def forward(self, samples, batches):
        pairs = torch.cat((self.encoder(samples), self.encoder(batches)), 1)
        out = self.layer2(self.layer1(pairs))
        out = out.view(out.size(0), -1)
        return torch.sigmoid(self.fc2(F.relu(self.fc1(out))))
