import torch
import torch.nn as nn


class Siamese(nn.Module):

    def __init__(self):
        super(Siamese, self).__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 10),  # 16@96*96
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),  # 16@48*48
            nn.Conv2d(16, 32, 7),
            nn.ReLU(),    # 32@42*42
            nn.MaxPool2d(2),   # 32@21*21
            nn.Conv2d(32, 32, 4),
            nn.ReLU(), # 32@18*18
            nn.MaxPool2d(2), # 32@9*9
            nn.Conv2d(32, 64, 4),
            nn.ReLU(),   # 64@6*6
        )
        self.liner = nn.Sequential(nn.Linear(2304, 512), nn.Sigmoid())
        self.out = nn.Linear(512, 1)

    def forward_one(self, x):
        x = self.conv(x)
        x = x.view(x.size()[0], -1)
        x = self.liner(x)
        return x

    def forward(self, x1, x2):
        out1 = self.forward_one(x1)
        out2 = self.forward_one(x2)
        dis = torch.abs(out1 - out2)
        return self.out(dis)
