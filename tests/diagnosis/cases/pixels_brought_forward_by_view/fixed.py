import torch.nn as nn
import torch.nn.functional as F


class EncodeImage(nn.Module):
    """Pixel features for an adaptive attention decoder."""

    def __init__(self, features=64, hidden_size=32):
        super(EncodeImage, self).__init__()
        self.affine = nn.Linear(features, hidden_size)

    def forward(self, encoded_image):
        batch_size = encoded_image.shape[0]
        features = encoded_image.shape[1]
        num_pixels = encoded_image.shape[2] * encoded_image.shape[3]
        enc_image = encoded_image.permute(0, 2, 3, 1).reshape(batch_size, num_pixels, features)   # (batch_size, 49, features)
        spatial = F.relu(self.affine(enc_image))
        return spatial.view(batch_size, encoded_image.shape[2], encoded_image.shape[3], -1)
