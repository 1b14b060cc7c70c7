# What other domains ask of verification and of sms, by their wrappers: in
# process, over an upstream to a peer, and where they are nowhere.

use FindBin;
use lib $FindBin::Bin;
use Codes;
use Pando;

my $there = Codes->new(set => { brand => 'Grove' },
    server => "pando_tenant $Pando::Token::TENANT;
               location /pando/calls { pando_calls; }")->{p};
my $both = Pando->new(domains => [qw(prover verification sms)]);
my $here = Pando->new(domains => ['prover'],
    http => "pando_peer sms unix:DIR/peers.sock; pando_peer verification unix:DIR/peers.sock;
             upstream peers { server 127.0.0.1:$there->{port}; keepalive 4; }
             server { listen unix:DIR/peers.sock;
                      location /pando/calls { proxy_pass http://peers;
                          proxy_http_version 1.1; proxy_set_header Connection ''; } }");
my $alone = Pando->new(domains => ['prover']);
my $n = 0;

for my $how ([ 'in process', $both ], [ 'a peer', $here ]) {
    my ($name, $p) = @$how;
    my $ask = sub {
        my ($call, %in) = @_;
        my $r = $p->post("/api/v1/prover/$call", \%in, token => {});

        diag $r->{raw} if $r->{status} != 200;
        return $r->json;
    };
    my $to = '+491512345670' . ++$n;
    my $came = sub { $both->wait_for(sub { ($both->sql('select count(*) from sms.outbox
        where to_e164 = ?', $to))[0][0] }, 60);
        return ($both->sql('select body from sms.outbox where to_e164 = ?
            order by message_id desc', $to))[0][0] };

    my $sent = $ask->(text => to => '+4915123456709', body => 'Hello', lane => 'transactional',
        dedup_key => "k $n");
    is "$sent->{rc} $sent->{state} $sent->{segments}", '0 queued 1', "$name: sms.send";
    is $ask->(text => to => '+4915123456709', body => 'Hello', lane => 'transactional',
        dedup_key => "k $n")->{id}, $sent->{id}, "$name: once for one key";

    for ([ 2, to => '030 1' ], [ 3, template => 'none' ], [ 4, body => undef ],
         [ 5, body => 'x' x 1000 ]) {
        my ($rc, %set) = @$_;
        my %in = (to => $to, body => 'x', lane => 'otp', %set);
        delete $in{body} if $in{template} || !defined $in{body};
        is $ask->(text => %in)->{rc}, $rc, "$name: refused with $rc";
    }

    my %in = (purpose => 'transaction', to => $to, binding => '10 EUR to Bob');
    my $v = $ask->(start => %in);
    is "$v->{rc} $v->{channel} $v->{masked_to}", "0 sms +49*********0$n",
        "$name: verification.start";
    my ($code) = $came->() =~ /(\d{8})/;
    my %answer = (id => $v->{id}, code => $code, binding => '10 EUR to Bob');
    my $c = $ask->(check => %answer, code => Codes::wrong($code));
    is "$c->{rc} $c->{status} $c->{attempts_left}", '0 code_wrong 4', "$name: a wrong code";
    is $ask->(check => %answer, binding => '99 EUR to Eve')->{status}, 'code_wrong',
        "$name: for something else";
    $c = $ask->(check => %answer);
    is $c->{status}, 'approved', "$name: verification.check";
    my %proof = (proof => $c->{proof}, purpose => 'transaction', binding => '10 EUR to Bob');
    is $ask->(redeem => %proof, purpose => 'login')->{rc}, 7, "$name: a proof for one purpose";
    is $ask->(redeem => %proof, binding => '99 EUR to Eve')->{rc}, 7, "$name: and one payload";
    my $r = $ask->(redeem => %proof);
    is "$r->{rc} $r->{id} $r->{destination}", "0 $v->{id} $to", "$name: verification.redeem";
    is $ask->(redeem => %proof)->{rc}, 7, "$name: once";
    is $ask->(redeem => %proof, proof => 'x' x 60)->{rc}, 7, "$name: no proof";
    is $ask->(check => %answer, id => $Pando::Routes::NOBODY)->{rc}, 7, "$name: no code";
    is $ask->(start => %in, purpose => 'x')->{rc}, 8, "$name: no purpose";
    is $ask->(start => %in, to => '+4930123456')->{rc}, 1, "$name: no number for codes";
    is $ask->(start => %in, channel => 'email')->{rc}, 3, "$name: no channel";
}

# two redeem at once: one does

my $v = $both->post('/api/v1/prover/start', { purpose => 'login', to => '+4915123456711' },
    token => {})->json;
$both->wait_for(sub { ($both->sql("select count(*) from sms.outbox
    where to_e164 = '+4915123456711'"))[0][0] }, 60);
my ($code) = ($both->sql("select body from sms.outbox
    where to_e164 = '+4915123456711'"))[0][0] =~ /(\d{6})/;
my $proof = $both->post('/api/v1/prover/check', { id => $v->{id}, code => $code },
    token => {})->json->{proof};
my @r = $both->parallel(map { [ 'POST', '/api/v1/prover/redeem', token => {},
    body => { proof => $proof, purpose => 'login' } ] } 1 .. 20);
is scalar(grep { $_->json->{rc} == 0 } @r), 1, 'of twenty that redeem at once one does';

is $alone->post('/api/v1/prover/text', { to => '+4915123456711', body => 'x', lane => 'otp' },
    token => {})->json->{rc}, -1, 'sms is nowhere';
is $alone->post('/api/v1/prover/start', { purpose => 'login', to => '+4915123456711' },
    token => {})->json->{rc}, -1, 'nor is verification';

done_testing;
