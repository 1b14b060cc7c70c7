# What other domains ask, by the wrappers of email_api.h: in process, over an
# upstream to a peer, and where email is nowhere.

use FindBin;
use lib $FindBin::Bin;
use Mails;
use Pando;

my $t = Mails->new;
my $there = $t->{p};
my $both = Pando->new(domains => [ 'poster', 'email' ]);
my $here = Pando->new(domains => ['poster'],
    http => "pando_peer email unix:DIR/peers.sock;
             upstream email { server 127.0.0.1:$there->{port}; keepalive 4; }
             server { listen unix:DIR/peers.sock;
                      location /pando/calls { proxy_pass http://email;
                          proxy_http_version 1.1; proxy_set_header Connection ''; } }");
my $alone = Pando->new(domains => ['poster']);

$there->stop;
$there->configure(server => "pando_tenant $Pando::Token::TENANT;
    location /pando/calls { pando_calls; }");
$there->start;
$t->post('/email/suppressions', { addresses => ['no@x.test'], reason => 'complaint' });
$t->post('/email/templates', { key => 'hello', subject => 'Hi {{name}}', text => 'Yes.' });
$t->post('/email/templates/hello/publish', {});
$t->post('/email/templates', { key => 'draft', subject => 'Hi', text => 'Yes.' });

my %plain = (to => 'ada@x.test', subject => 'hi', text => 'hello');

for my $how ([ 'in process', $both ], [ 'a peer', $here ]) {
    my ($name, $p) = @$how;
    my $ask = sub {
        my ($call, %in) = @_;
        my $r = $p->post("/api/v1/poster/$call", \%in, token => {});
        diag $r->{raw} if $r->{status} != 200;
        return $r->json // {};
    };

    my $j = $ask->(send => %plain, dedup_key => $name);
    is "$j->{rc} $j->{state}", '0 queued', "$name: a message is taken" or diag explain $j;
    $t->gets($j, 'sent', "$name: and sent");
    is $ask->(send => %plain, dedup_key => $name)->{id}, $j->{id}, "$name: once";
    $j = $ask->(send => to => 'b@x.test', template => 'hello', data => { name => 'Bob' });
    is $t->row($j)->{subject}, 'Hi Bob', "$name: by a template";

    for ([ 1, %plain, to => 'no@x.test' ], [ 2, to => 'a@x.test', template => 'none' ],
         [ 2, to => 'a@x.test', template => 'draft' ],
         [ 3, to => 'a@x.test', template => 'hello' ], [ 4, %plain, to => 'x' ],
         [ 5, to => 'a@x.test', template => 'hello', data => { name => [ 1 ] } ],
         [ 6, to => 'a@x.test', subject => 'hi' ])
    {
        my ($rc, %in) = @$_;
        is $ask->(send => %in)->{rc}, $rc, "$name: refused with $rc";
    }

    is $ask->(send => %plain, to => 'no@x.test', mandatory => \1)->{rc}, 0,
        "$name: what is mandatory";
    is_deeply $ask->(suppressed => to => 'No@x.test'), { rc => 0, reason => 'complaint' },
        "$name: why one gets none";
    is_deeply $ask->(suppressed => to => 'ada@x.test'), { rc => 0 }, "$name: or gets it";
    is $ask->(suppressed => to => 'x')->{rc}, 4, "$name: no address";

    $j = $ask->('send-batch' => template => 'hello', lane => 'transactional', items => [
        { to => 'c@x.test', data => { name => 'Cy' } }, { to => 'no@x.test', data =>
        { name => 'No' } }, { to => 'd@x.test' } ]);
    is $j->{rc}, 0, "$name: many";
    my @did = @{ $j->{results} // [] };
    is $did[0]{state}, 'queued', "$name: one is taken" or diag explain $j;
    $t->gets($did[0], 'sent', "$name: and sent");
    is "$did[1]{code} $did[1]{reason} $did[2]{code}", 'suppressed complaint missing_variable',
        "$name: others are not";
    is $ask->(render => template => 'hello', data => { name => 'Eve' })->{subject}, 'Hi Eve',
        "$name: what would be said";
    is $ask->(render => template => 'draft')->{rc}, 2, "$name: nothing of a draft";
    is $ask->(render => template => 'hello')->{rc}, 3, "$name: nor without data";
    is $ask->('reply-address' => module => 'orders', subject_id => $j->{results}[0]{id})->{rc}, 7,
        "$name: no answers where no mail comes in";
    $j = $ask->(subject => to => 'C@x.test');
    is $j->{messages}[0]{subject}, 'Hi Cy', "$name: all that is kept of an address";
    is $ask->(subject => to => 'no@x.test')->{suppressions}[0]{reason}, 'complaint';
    is $ask->(subject => to => 'x')->{rc}, 4, "$name: of none";
}

is $alone->post('/api/v1/poster/send', \%plain, token => {})->json->{rc}, -1, 'nowhere';

done_testing;
