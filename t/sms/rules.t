# The rules of sms, which need no nginx.

use Pando;
use Pando::Unit;

units(sms_text => []);
done_testing;
