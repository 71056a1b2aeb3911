from .codecs.base import Codec as Codec
from .codecs.calibrated import CalibratedCodec as CalibratedCodec
from .codecs.mosaic import MosaicCodec as MosaicCodec
from .codecs.parameter import parameter as parameter
from .codecs.profile import Profile as Profile
from .codecs.quantizing import QuantizingCodec as QuantizingCodec
from .codecs.registry import codec as codec
from .codecs.registry import decode as decode
from .codecs.registry import register_codec as register_codec
from .errors import BitstreamError as BitstreamError
from .errors import CodecError as CodecError
from .errors import DataError as DataError
from .errors import ExperimentError as ExperimentError
from .errors import ModelError as ModelError
from .errors import ProfileError as ProfileError
from .errors import SplitwireError as SplitwireError
from .models.load import Model as Model
from .models.load import load_model as load_model
from .models.split import CutPoint as CutPoint
from .models.split import Split as Split
from .models.split import cut_points as cut_points
from .models.split import split as split

__version__: str
