# What other domains ask, by the wrappers of webhooks_api.h.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Post;

my $web = Pando::Elsewhere->web(sub { $_[0]->print(Pando::Elsewhere::answer(200, 'ok')) });
my $t = Post->new(domains => [qw(courier webhooks)], to => [$web], workers => 2);
my $p = $t->{p};
my $ask = sub {
    my ($call, %in) = @_;
    my $r = $t->post("/courier/$call", \%in);
    $r->{status} == 200 or diag $r->{raw};
    return $r->json;
};


# send

my $id = '01939bd0-0000-7000-8000-0000000000aa';
my %note = (type => 'custom.note', data => { who => $Pando::Routes::NOBODY });
is $ask->('send', %note)->{code}, 3, 'nobody wants it';
my $to = $t->endpoint($web, at => '/to', event_types => ['custom.*']);
my $eu = $t->endpoint($web, at => '/eu', event_types => ['custom.note'], channels => ['eu']);
is_deeply $ask->('send', %note, id => $id), { code => 0, event_id => $id }, 'it is sent';
is_deeply $ask->('send', %note, id => $id), { code => 0, event_id => $id }, 'once';
is $ask->('send', %note, channels => ['eu'], key => 'k')->{code}, 0, 'to a channel';
$t->waits(sub { $t->came($web) == 3 }, 'it comes');
my ($first) = grep { $_->{path} eq '/to' } $web->requests;
is_deeply decode_json($first->{body})->{data}, $note{data}, 'as it was given';
is $ask->('send', %note, type => 'order.created')->{code}, 1, 'not as an event of the suite';
is $ask->('send', %note, body => 'large')->{code}, 2, 'nor too much of it';


# verify

my %in = (data => $first->{headers}, body => $first->{body}, secrets => [ $to->{secret} ]);
my $rule = sub { my $r = $ask->('verify', %in, @_); return $r->{code} || $r->{rule} };
is $rule->(), undef, 'what was sent is verified';
is $rule->(secrets => [ $eu->{secret}, $to->{secret} ]), undef, 'by either secret';
is $rule->(secrets => [ $eu->{secret} ]), 'no_signature_matches', 'not by another one';
is $rule->(body => "$first->{body} "), 'no_signature_matches', 'nor with a byte more';
is $rule->(secrets => ['x']), 1, 'by no secret';
is $rule->(source => 'shop'), undef, 'the first time';
is $rule->(source => 'shop'), 'webhook_id_seen', 'the second time it is a replay';
is $rule->(source => 'other'), undef, 'of that source';
is $rule->(), undef, 'where that is asked for';
is $rule->(source => 'bad', body => 'x'), 'no_signature_matches', 'what is not good';
is $rule->(source => 'bad'), undef, 'is not remembered';
$p->sql("update webhooks.seen set at = now() - interval '25 hours'");
is $rule->(source => 'shop'), undef, 'nor anything for more than a day';
$p->sql("update webhooks.seen set at = now() - interval '25 hours' where source <> 'shop'");
$p->sql('select webhooks.forget(100)');
is scalar(() = $p->sql('select 1 from webhooks.seen')), 1, 'and then it is deleted';


# catalogue, export_subject

ok((grep { $_->{name} eq 'webhook.exhausted' } @{ $ask->('catalogue')->{data} }),
    'types of events');
my $found = $ask->('export', id => $Pando::Routes::NOBODY)->{data};
is scalar @$found, 2, 'what was sent that names somebody';
is $found->[1]{payload}{id}, $id, 'as it was sent';
is_deeply $ask->('export', id => $id =~ s/aa$/ab/r)->{data}, [], 'and of nobody else';

my $alone = Pando->new(domains => ['courier']);
my $r = $alone->post('/api/v1/courier/send', \%note, token => {});
is $r->json->{code}, -1, 'where webhooks is nowhere, it is said so';

done_testing;
