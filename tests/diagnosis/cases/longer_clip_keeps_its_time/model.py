import torch
import torch.nn as nn


class Clips(nn.Module):
    def __init__(self):
        super().__init__()
        self.clip = nn.Sequential(nn.Conv3d(3, 8, 3, 2, 1), nn.MaxPool3d((4, 2, 2), (4, 2, 2)))
        self.frame = nn.Conv2d(3, 8, 4, 4)
        self.boxes = nn.Conv2d(16, 5, 1)

    def forward(self, x):
        frame = self.frame(x[:, :, -1])
        clip = self.clip(x).squeeze(2)
        return self.boxes(torch.cat((clip, frame), dim=1))
