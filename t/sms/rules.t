# The rules of sms, which need no nginx.

use Pando;
use Pando::Unit;

units(sms_text => [], sms_choice => [ 'pando_uuid', 'pando_bytes', '-lcrypto', '-lm' ],
      sms_rules => [ 'pando_bytes', '-lcrypto' ]);
done_testing;
