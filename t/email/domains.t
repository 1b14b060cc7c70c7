# Sending domains: what is to be published, what name servers say, and what is
# signed, as another one reads it.

use FindBin;
use lib $FindBin::Bin;
use Mails;
use Pando;
use Pando::Elsewhere;

my $dns = Pando::Elsewhere->dns;
my $server = Pando::Elsewhere->mail;
my $t = Mails->new(to => [$server], http => 'pando_set email.resolver 127.0.0.1:'
    . $dns->port . ';');
my $p = $t->{p};
my ($post, $of) = ('POST /email/domains', '/email/domains/{id}');
my ($check, $rotate) = map { "POST $of/$_" } qw(check rotate-dkim);

sub look { my ($d, @o) = @_;
    return $t->works($t->post("/email/domains/$d->{id}/check", undef, @o), $check, 200) }
sub publish { my ($d) = @_; $dns->say(map { $_->{name} => [ "txt $_->{value}" ] }
    @{ $d->{records} }) }
sub holds
{
    my ($raw) = @_;
    my $path = $p->write('mail', $raw);
    open my $from, '-|', '/usr/bin/python3', '-c', <<'PYTHON', $path, $p->{dir} or die;
import dkim, json, sys
mail, names = open(sys.argv[1], 'rb').read(), json.load(open(sys.argv[2] + '/names'))
def txt(name, timeout=5):
    text = names.get(name.decode().rstrip('.'))
    return text.encode() if text else None
d = dkim.DKIM(mail)
print(' '.join(str(d.verify(idx=i, dnsfunc=txt)) for i in range(mail.count(b'DKIM-Signature:'))))
PYTHON
    my $said = <$from> // '';
    return $said =~ s/\s+\z//r;
}


# a domain

my $d = $t->works($t->post('/email/domains', { domain => "Mail.Ex\x{e4}mple.com" }), $post, 201);
is $d->{domain}, 'mail.xn--exmple-cua.com', 'in letters that all servers know';
is $d->{state}, 'pending';
like $d->{records}[0]{value}, qr/^v=DKIM1; k=rsa; p=[\w+\/=]{300,}$/, 'a key to publish';
like $d->{records}[1]{value}, qr/^v=DKIM1; k=ed25519; p=[\w+\/=]{44}$/, 'and another';
unlike $t->get('/email/domains')->{body}, qr/private/, 'but not their other halves';
$t->fails($t->post('/email/domains', { domain => $d->{domain} }), $post, 'domain_known', '/domain');
$t->fails($t->post('/email/domains', { domain => $_ }), $post, 'invalid_domain', '/domain',
    "no domain: $_") for 'com', 'co.uk', 'x', 'a b.com', '-a.com', "a.com\n";

is look($d)->{state}, 'pending', 'nothing is published';
publish($d);
my $r = look($d);
is $r->{state}, 'verified', 'once it is, it is verified';
is_deeply [ sort values %{ $r->{checks}{dkim} } ], [ 'ok', 'ok' ], 'by both';
is "$r->{checks}{dmarc} $r->{checks}{spf}", 'missing missing', 'and advice is given';
$dns->say("_dmarc.$d->{domain}" => ['txt v=DMARC1; p=none'], $d->{domain} => ['txt v=spf1 -all']);
$r = look($d);
is "$r->{checks}{dmarc} $r->{checks}{spf}", 'ok ok', 'that can be followed';


# what is signed

$p->write('names', JSON::PP::encode_json({ map { $_->{name} => $_->{value} }
                                           @{ $d->{records} } }));
my $m = $t->mail(from => "me\@$d->{domain}", html => '<p>' . "\x{4f60}" x 2000, lane => 'bulk');
$t->gets($m, 'sent');
my $raw = $t->raw($m);
is holds($raw), 'True True', 'both signatures hold' or diag $raw;
is holds($raw =~ s/^Subject: hi/Subject: ho/mr), 'False False', 'and are of this mail';
is holds($raw =~ s/^List-Unsubscribe: /List-Unsubscribe: x/mr), 'False False', 'all of it';
$m = $t->mail(from => "me\@sub.$d->{domain}");
$t->gets($m, 'sent');
is holds($t->raw($m)), 'True True', 'a domain below one is of it';
$m = $t->mail(from => 'me@elsewhere.com');
$t->gets($m, 'sent');
unlike $t->raw($m), qr/DKIM/, 'another one is not signed for';

$t->post('/email/providers', { name => 'relay', kind => 'smtp', host => '127.0.0.1',
    port => $server->port, tls => 'plain' });
$m = $t->mail(from => 'me@elsewhere.com');
$t->gets($m, 'failed', 'nor does it leave the house');
is $t->row($m)->{reason}, 'domain_not_verified', 'and that is why';
$m = $t->mail(from => "me\@$d->{domain}");
$t->gets($m, 'sent', 'ours does');
my ($sent) = map { $_->{message} // () } $server->notes;
is holds($sent), 'True True', 'as it was signed';


# new keys, and failing

$t->fails($t->post("/email/domains/$d->{id}/rotate-dkim"), $rotate, 'rotated_lately');
$p->sql("update email.domain_keys set created_at = now() - interval '2 hours'");
my $new = $t->works($t->post("/email/domains/$d->{id}/rotate-dkim"), $rotate, 200);
is scalar @{ $new->{records} }, 4, 'those of before stay a while';
is look($d)->{state}, 'verified', 'what is published is enough';
$m = $t->mail(from => "me\@$d->{domain}");
$t->gets($m, 'sent');
($sent) = reverse map { $_->{message} // () } $server->notes;
is holds($sent), 'True True', 'and signs until the new ones are seen';
$dns->say(map { $_->{name} => [] } @{ $new->{records} });
$r = look($d);
is $r->{state}, 'failing', 'none is there any more';
is_deeply [ map { $_->[0] } $p->sql("select data ->> 'domain' from pando.outbox
    where type = 'email_domain.failing'") ], [ $d->{domain} ], 'which is told';
publish($new);
is look($d)->{state}, 'verified', 'and back';
$dns->say(map { $_->{name} => ['silence'] } @{ $new->{records} }[0]);
is look($d)->{state}, 'verified', 'who does not answer says nothing';
$p->sql("update email.domain_keys set retires_at = now() where retires_at is not null");
is scalar @{ $t->get("/email/domains/$d->{id}")->json->{records} }, 2, 'in the end two are left';

my $o = $t->post('/email/domains', { domain => $d->{domain} }, token => $Mails::OTHER)->json;
publish($o);
$t->fails($t->post("/email/domains/$o->{id}/check", undef, token => $Mails::OTHER), $check,
    'domain_taken');


# domains themselves

my ($no, $delete) = ($Pando::Routes::NOBODY, "DELETE $of");
is scalar @{ $t->works($t->get('/email/domains'), 'GET /email/domains', 200)->{data} }, 1;
$t->works($t->get("/email/domains/$d->{id}"), "GET $of", 200);
is $t->get("/email/domains/$d->{id}", token => $Mails::OTHER)->{status}, 404, 'another tenant';
$t->fails($t->get("/email/domains/$no"), "GET $of", 'not_found');
$t->fails($t->post("/email/domains/$no/$_"), "POST $of/$_", 'not_found')
    for qw(check rotate-dkim);
$t->fails($t->delete("/email/domains/$d->{id}", 'If-Match' => '"1"'), $delete,
    'precondition_failed');
$t->works($t->delete("/email/domains/$d->{id}"), $delete, 204);
$t->fails($t->delete("/email/domains/$d->{id}"), $delete, 'not_found');
my $bare = Mails->new;
my $b = $bare->post('/email/domains', { domain => 'bare.com' })->json;
$t->fails($bare->post("/email/domains/$b->{id}/check"), $check, 'no_resolver');
$t->all_provoked('email_domains.c');

done_testing;
