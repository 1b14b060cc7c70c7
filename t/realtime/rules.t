# The rules of realtime, which need no nginx.

use Pando;
use Pando::Unit;

units();
done_testing;
