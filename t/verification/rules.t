# The rules of verification, which need no nginx.

use Pando;
use Pando::Unit;

units(verification_rules => [ 'pando_bytes', '-lcrypto' ]);
done_testing;
