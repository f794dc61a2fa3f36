import torch.nn as nn

CFG = [16, 32, 64]


class Net(nn.Module):
    def __init__(self, in_channels=3, num_classes=10):
        super().__init__()
        layers = []
        for width in CFG:
            layers += [nn.Conv2d(in_channels, width, kernel_size=3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(64 * 4 * 4, num_classes)

    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.flatten(1))
