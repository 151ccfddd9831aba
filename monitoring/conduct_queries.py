"""The questions to the raw tables behind the checks of conduct.

Each contact sees what was recorded strictly before it, of facts that held strictly before it. The parameters
are `since` and `until`, the channels by place, those `asked` for a consent, and the outcomes that `refused`.
"""

# What offered or sold something in the window; of a record that was corrected, its last word.
CONTACTS = """
create temp table contact as
with talked as (
  select * from interactions
  semi join (select interaction_id from interactions i where i.at >= $since and i.at < $until)
    using (interaction_id)
  qualify row_number() over (partition by interaction_id order by recorded_at desc) = 1),
offered as (
  select * from offers
  semi join (select offer_id from offers o where o.at >= $since and o.at < $until) using (offer_id)
  qualify row_number() over (partition by offer_id order by recorded_at desc) = 1),
bought as (
  select * from holdings where opened_at >= $since and opened_at < $until
  qualify row_number() over (partition by customer_id, product_id, opened_at order by recorded_at desc) = 1),
known as (select distinct product_id, lower(product_id) as topic from products),
everything as (
  select 'conversation' as what, interaction_id as id, customer_id, t.at as moment, channel, t.topic,
    product_id
  from (select * replace (lower(trim(topic)) as topic) from talked) t left join known using (topic)
  where direction = 'outbound'
    and (campaign_id is not null or product_id is not null or t.topic in (select topic from topics))
  union all
  select 'offer', offer_id, customer_id, o.at, channel, null, product_id
  from offered o where arm is distinct from 'control'
  union all
  select 'sale', concat_ws('|', customer_id, product_id, epoch_us(opened_at)), customer_id, opened_at,
    null, null, product_id
  from bought)
select row_number() over (order by moment, what, id) - 1 as n, *
from everything where moment >= $since and moment < $until
"""

# Which products each is about: the one it names, or those of its topic's families (`broad`).
ABOUT = """
create temp table about as
select n, product_id, false as broad from contact where product_id is not null
union all
select distinct n, p.product_id, true
from contact c join topics t using (topic) join products p using (family) where c.product_id is null
"""

# The risk of a product is the higher of issuer's and seller's rating, in the version known then; of a
# family it is that of its least risky product on sale: talk of funds alone names none of them.
RISKS = """
create temp table risks as
with version as (
  select n, broad, moment, withdrawn_at,
    greatest(substr(v.risk_level, 2, 1)::double, substr(seller_risk_level, 2, 1)::double) as risk
  from about join contact c using (n)
  join products v on v.product_id = about.product_id and v.valid_from < moment and v.recorded_at < moment
  qualify row_number() over (partition by n, about.product_id
    order by v.valid_from desc, v.recorded_at desc) = 1)
select n, min(risk) filter (not broad or withdrawn_at is null or withdrawn_at >= moment) as product_risk
from version group by n
"""

PEOPLE = """
create temp table people as
select n, substr(risk_level, 2, 1)::double as risk_level, assessed_at, time_zone
from contact c
join customers v on v.customer_id = c.customer_id and v.valid_from < moment and v.recorded_at < moment
qualify row_number() over (partition by n order by v.valid_from desc, v.recorded_at desc) = 1
"""

AGREED = """
create temp table agreed as
with said as (
  select n, c.channel as here, s.channel, s.state, s.at as said_at
  from contact c join consents s on s.customer_id = c.customer_id and s.purpose = 'marketing'
    and s.at < moment and s.recorded_at < moment
  qualify row_number() over (partition by n, s.channel order by s.at desc, s.recorded_at desc) = 1)
select n, max((state = 'given')::double) filter (channel = here) as consent_here,
  coalesce(max((state = 'given')::double) filter (list_contains($asked, channel)), 0) as consent_anywhere,
  max(said_at) filter (channel = here and state = 'withdrawn') as withdrew_at
from said group by n
"""

# The last time the customer had refused the same: an offer of that product or of one the talk is about, a
# talk on that topic, or marketing on that channel.
REFUSED = """
create temp table refused as
with answered as (
  select n, o.product_id, outcome, coalesce(outcome_at, o.at) as refused_at, moment
  from contact c join offers o on o.customer_id = c.customer_id and o.at < moment and o.recorded_at < moment
  where c.what <> 'sale'
  qualify row_number() over (partition by n, offer_id order by o.recorded_at desc) = 1),
talked as (
  select n, i.at as refused_at, lower(trim(outcome)) as outcome
  from contact c join interactions i on i.customer_id = c.customer_id and lower(trim(i.topic)) = c.topic
    and i.at < moment and i.recorded_at < moment
  qualify row_number() over (partition by n, interaction_id order by i.recorded_at desc) = 1)
select n, max(refused_at) as refused_at from (
  select n, refused_at from answered semi join about using (n, product_id)
  where outcome = 'declined' and refused_at < moment
  union all select n, refused_at from talked where list_contains($refused, outcome)
  union all select n, withdrew_at from agreed where withdrew_at is not null)
group by n
"""

WHOLE = """
select what, id, customer_id, channel, topic, product_id, time_zone,
  (what <> 'sale')::double as offers,
  (n in (select n from about))::double as about_product,
  (list_position($channels, channel) - 1)::double as channel_place, code::double as zone,
  consent_here, coalesce(consent_anywhere, 0) as consent_anywhere, product_risk, risk_level,
  epoch_us(moment) as at_us, epoch_us(assessed_at) as assessed_us, epoch_us(refused_at) as refused_us
from contact left join people using (n) left join risks using (n) left join agreed using (n)
left join refused using (n) left join zones on name = time_zone order by n
"""

# Every holding that was open when its product's rating rose, with the holder's level known then.
RERATED = """
with moved as (
  select distinct product_id, greatest(valid_from, recorded_at) as moment from products
  where greatest(valid_from, recorded_at) >= $since and greatest(valid_from, recorded_at) < $until),
rated as (
  select m.product_id, moment, v.valid_from, v.recorded_at,
    greatest(substr(risk_level, 2, 1)::double, substr(seller_risk_level, 2, 1)::double) as risk
  from moved m join products v
    on v.product_id = m.product_id and v.valid_from <= moment and v.recorded_at <= moment),
later as (
  select product_id, moment, risk as risk_now from rated
  qualify row_number() over (partition by product_id, moment order by valid_from desc, recorded_at desc) = 1),
earlier as (
  select product_id, moment, risk as risk_before from rated where valid_from < moment and recorded_at < moment
  qualify row_number() over (partition by product_id, moment order by valid_from desc, recorded_at desc) = 1),
rose as (select * from later join earlier using (product_id, moment) where risk_now > risk_before),
held as (
  select rose.*, h.customer_id, h.opened_at, h.closed_at
  from rose join holdings h
    on h.product_id = rose.product_id and h.opened_at < moment and h.recorded_at < moment
  qualify row_number() over (partition by rose.product_id, moment, h.customer_id, h.opened_at
    order by h.recorded_at desc) = 1),
levels as (
  select held.*, substr(v.risk_level, 2, 1)::double as risk_level
  from held left join customers v
    on v.customer_id = held.customer_id and v.valid_from < moment and v.recorded_at < moment
  where closed_at is null or closed_at > moment
  qualify row_number() over (partition by product_id, moment, held.customer_id, opened_at
    order by v.valid_from desc nulls last, v.recorded_at desc nulls last) = 1)
select concat_ws('|', customer_id, product_id, epoch_us(opened_at), epoch_us(moment)) as id, customer_id,
  product_id, risk_before, risk_now, risk_level, epoch_us(moment) as at_us
from levels order by moment, id
"""

COUNTED = """
select (select count(distinct interaction_id) from interactions i where i.at >= $since and i.at < $until),
  (select count(distinct interaction_id) from interactions i
   where i.at >= $since and i.at < $until and direction = 'outbound'),
  count(*) filter (what = 'conversation'), count(*) filter (what = 'offer'), count(*) filter (what = 'sale')
from contact
"""
